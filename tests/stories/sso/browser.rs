//! As much of a browser as a sign-on takes: a cookie jar, redirects one by one, and forms.

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

/// A browser of its own.
pub(crate) struct Browser {
    client: Client,
    /// Every address that it was at, in order: what a history or a proxy's log holds.
    pub(crate) visited: Vec<String>,
}

/// A page that a browser is at.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
        Self { client, visited: Vec::new() }
    }

    /// Goes to `url` and wherever it is sent from there; stops, without going there, where an address begins with `before`.
    /// `Err` with that address.
    pub(crate) async fn go_until(&mut self, url: &str, before: &str) -> Result<Page, String> {
        let mut url = url.to_owned();
        for _ in 0..10 {
            if url.starts_with(before) {
                return Err(url);
            }
            self.visited.push(url.clone());
            let response = self.client.get(&url).send().await.unwrap();
            match moved(&url, &response) {
                Some(next) => url = next,
                None => return Ok(page(response).await),
            }
        }
        panic!("too many redirects, the last to {url}");
    }

    /// Goes to `url` and wherever it is sent from there.
    pub(crate) async fn go(&mut self, url: &str) -> Page {
        self.go_until(url, "never:").await.unwrap()
    }

    /// Sends a form; answers where that leads, or the page.
    pub(crate) async fn send(&mut self, url: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Result<Page, String> {
        self.visited.push(url.to_owned());
        let mut request = self.client.post(url).form(fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        match moved(url, &response) {
            Some(next) => Err(next),
            None => Ok(page(response).await),
        }
    }

    /// From `url` through the provider's login form, up to the address of our callback, to which it does not go.
    pub(crate) async fn sign_in_at_provider(&mut self, url: &str, login: &str, callback: &str) -> String {
        let form = match self.go_until(url, callback).await {
            Ok(page) => page,
            Err(callback) => return callback,
        };
        assert_eq!(form.status, StatusCode::OK, "{}", form.text);
        let action = between(&form.text, "action=\"", "\"");
        let fields = [("prompt", "login"), ("login", login), ("password", "any")];
        let next = self.send(&action, &fields, &[]).await.unwrap_err();
        self.go_until(&next, callback).await.unwrap_err()
    }

    /// Answers the confirm page.
    pub(crate) async fn answer(&mut self, confirm: &Page, callback: &str, answer: &str) -> Page {
        let origin = Url::parse(callback).unwrap().origin().ascii_serialization();
        let action = Url::parse(callback).unwrap().join(&between(&confirm.text, "action=\"", "\"")).unwrap();
        let form = between(&confirm.text, "name=\"form\" value=\"", "\"");
        self.send(action.as_str(), &[("form", &form), ("answer", answer)], &[("origin", &origin)]).await.unwrap()
    }
}

impl Page {
    /// The title of the page.
    pub(crate) fn title(&self) -> String {
        between(&self.text, "<h1>", "</h1>")
    }

    /// A header, empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What stands between two texts, the first time.
pub(crate) fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0.to_owned()
}

fn moved(from: &str, response: &Response) -> Option<String> {
    let location = response.status().is_redirection().then(|| response.headers()[LOCATION].to_str().unwrap())?;
    Some(Url::parse(from).unwrap().join(location).unwrap().into())
}

async fn page(response: Response) -> Page {
    let (status, headers) = (response.status(), response.headers().clone());
    Page { status, headers, text: response.text().await.unwrap() }
}
