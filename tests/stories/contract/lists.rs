//! What the comments of the proto files say: who may call each rpc, the reasons with which it fails, and the code of each reason.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use countersign::grpc::pb::{DESCRIPTOR_SET, ErrorReason};
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::Code;

/// An rpc as its comment describes it.
#[derive(Debug)]
pub(crate) struct Listed {
    /// `Service/Method`.
    pub(crate) rpc: String,
    /// Who may call it.
    pub(crate) who: String,
    /// The reasons of its own list.
    pub(crate) own: BTreeSet<String>,
    /// Those of its service's list, with which every rpc of it can fail.
    pub(crate) shared: BTreeSet<String>,
}

impl Listed {
    /// Whether nobody has to be signed in for it.
    pub(crate) fn is_open(&self) -> bool {
        self.who.starts_with("anybody") || self.who.starts_with("whoever")
    }

    /// Whether its own list has the reason.
    pub(crate) fn has(&self, reason: &str) -> bool {
        self.own.contains(reason)
    }
}

/// Every rpc of the contract.
pub(crate) static LISTS: LazyLock<Vec<Listed>> = LazyLock::new(|| files().iter().flat_map(lists_of).collect());

/// The rpc of that name.
pub(crate) fn listed(rpc: &str) -> &'static Listed {
    LISTS.iter().find(|listed| listed.rpc == rpc).unwrap_or_else(|| panic!("the contract has no {rpc}"))
}

/// The code that the comment of a reason begins with.
pub(crate) fn code_of(reason: &str) -> Code {
    let files = files();
    let (file, index, reasons) = files
        .iter()
        .find_map(|file| {
            let index = file.enum_type.iter().position(|it| it.name() == "ErrorReason")?;
            Some((file, index, &file.enum_type[index]))
        })
        .unwrap();
    let value = reasons.value.iter().position(|value| value.name() == format!("ERROR_REASON_{reason}"));
    let value = value.unwrap_or_else(|| panic!("{reason} is no ErrorReason"));
    let comment = comment(file, &[5, as_path(index), 2, as_path(value)]);
    let name: String = comment.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
    let same = |code: &Code| format!("{code:?}").eq_ignore_ascii_case(&name.replace('_', ""));
    let code = (0..=16).map(Code::from_i32).find(same);
    code.unwrap_or_else(|| panic!("the comment of {reason} in error.proto begins with its code, not with {name:?}"))
}

fn lists_of(file: &FileDescriptorProto) -> Vec<Listed> {
    let mut lists = Vec::new();
    for (number, service) in file.service.iter().enumerate() {
        let said = comment(file, &[6, as_path(number)]).replace('\n', " ");
        let (_, said) = said.split_once("Every rpc can also fail with ").unwrap();
        let shared = reasons(said.split_once(", see ErrorReason").unwrap().0);
        for (index, method) in service.method.iter().enumerate() {
            let rpc = format!("{}/{}", service.name(), method.name());
            let comment = comment(file, &[6, as_path(number), 2, as_path(index)]);
            let said = |start: &str| {
                let (_, rest) = comment.split_once(start).unwrap_or_else(|| panic!("{rpc} has no line {start:?}"));
                rest.split_once("\n\n").map_or(rest, |(paragraph, _)| paragraph).replace('\n', " ")
            };
            let fails = said("Fails with");
            let own = reasons(&fails);
            assert!(own.is_empty() == (fails.trim() == "no reason of its own."), "{rpc}: Fails with{fails}");
            lists.push(Listed { who: said("Who:").trim().to_owned(), rpc: rpc.clone(), own, shared: shared.clone() });
        }
    }
    lists
}

/// The reasons that a sentence names outside its parentheses.
fn reasons(sentence: &str) -> BTreeSet<String> {
    let mut depth = 0_i32;
    let outside = sentence.chars().filter(|letter| {
        depth += i32::from(*letter == '(') - i32::from(*letter == ')');
        depth == 0
    });
    let outside: String = outside.collect();
    let words = outside.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words
        .filter(|word| word.len() > 1)
        .inspect(|word| {
            let known = ErrorReason::from_str_name(&format!("ERROR_REASON_{word}"));
            assert!(known.is_some(), "{word} is listed and is no ErrorReason: {sentence}");
        })
        .map(str::to_owned)
        .collect()
}

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package() == "countersign.v1").collect()
}

fn as_path(index: usize) -> i32 {
    i32::try_from(index).unwrap()
}

fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let location = locations.iter().find(|location| location.path == path).unwrap();
    location.leading_comments().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}
