//! What is checked of every text that comes from outside, whatever it sets: paths, secrets and the files that hold them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroize as _;

use crate::model::secret::Secret;

/// The most bytes of a file that holds a secret.
const MAX_SECRET_BYTES: u64 = 64 << 10;
/// The most bytes of a file that holds settings or certificates.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// A path that is meant as it stands.
///
/// # Errors
/// What would be valid, where a shell, a unit file or an editor left something in the text that is no part of the path.
pub fn path(text: &str) -> Result<PathBuf, String> {
    let quote = |text: &str| text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']);
    let problem = if text.chars().any(invisible) {
        "it has a control character or a byte order mark in it"
    } else if text.trim() != text {
        "it begins or ends with a blank"
    } else if quote(text) {
        "it has quotes around it, which are part of the name here"
    } else if text.starts_with('~') {
        "nobody put the home directory in place of its ~"
    } else if text.contains('$') {
        "nobody put a value in place of its $"
    } else {
        return Ok(PathBuf::from(text));
    };
    Err(format!("a path written out: {problem}"))
}

/// A secret without its final line end: one, where there are several.
#[must_use]
pub fn bare(text: &str) -> &str {
    let bare = text.strip_suffix('\n').unwrap_or(text);
    bare.strip_suffix('\r').unwrap_or(bare)
}

/// What nobody can see in a secret that is about to be used for the first time, and who types it later would leave out.
#[must_use]
pub fn hidden(secret: &Secret) -> Option<&'static str> {
    let text = secret.expose();
    if text.contains('\u{feff}') {
        Some("has a byte order mark in it, as some editors write it; save the file without one")
    } else if text.contains('\0') {
        Some("has a NUL byte in it; is the file of another encoding?")
    } else if text.contains(['\n', '\r']) {
        Some("has more than one line; one final line end is left out, and no other")
    } else if text.chars().any(char::is_control) {
        Some("has a control character in it")
    } else if text.trim() != text {
        Some("begins or ends with white space")
    } else {
        None
    }
}

/// The secret in a file, without its final line end, and a warning where others than its owner may read it.
///
/// # Errors
/// The end of a sentence: it cannot be read, is longer than 64 KiB or is not UTF-8.
pub fn secret_file(path: &Path) -> Result<(Secret, Option<String>), String> {
    let shown = path.display();
    let read = || {
        let file = File::open(path)?;
        let warning = open_to_others(path, &file.metadata()?);
        Ok((bounded(file, MAX_SECRET_BYTES)?, warning))
    };
    let (bytes, warning) = read().map_err(|error: io::Error| format!("cannot read {shown}: {error}"))?;
    let text = String::from_utf8(bytes).map(Secret::from).map_err(|error| {
        error.into_bytes().zeroize();
        format!("{shown} is not UTF-8")
    })?;
    Ok((Secret::new(bare(text.expose())), warning))
}

/// A warning about a file with a secret in it that others than its owner may read.
#[must_use]
pub fn readable_by_others(path: &Path) -> Option<String> {
    // One that is not there is told when it is read.
    open_to_others(path, &path.metadata().ok()?)
}

fn open_to_others(path: &Path, metadata: &Metadata) -> Option<String> {
    let open = metadata.is_file() && metadata.permissions().mode() & 0o077 != 0;
    open.then(|| format!("{} can be read by others than its owner; chmod 600 mends that", path.display()))
}

/// The content of a file.
///
/// # Errors
/// It cannot be read, or has more than `most` bytes.
pub fn file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?, most)
}

fn bounded(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

fn invisible(character: char) -> bool {
    character.is_control() || character == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_not_meant_is_refused() {
        for bad in [
            "/data\n",
            "/da\tta",
            "/data\0",
            "\u{feff}/data",
            " /data",
            "/data ",
            "\u{a0}/data",
            "\"/data\"",
            "'/data'",
            "/data\"",
            "~/data",
            "~",
            "~user/data",
            "$HOME/data",
            "/srv/${NAME}/data",
        ] {
            let wanted = path(bad).unwrap_err();
            assert!(wanted.starts_with("a path written out: "), "{bad:?}: {wanted}");
        }
        for good in ["/data", "./countersign-data", "../a b/c", "/srv/été", "./~", "/a'b", "C:\\data"] {
            assert_eq!(path(good).unwrap(), PathBuf::from(good));
        }
    }

    #[test]
    fn exactly_one_line_end_is_left_out() {
        for (text, expected) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a \n", "a "), ("\na", "\na"), ("\n", ""), ("a\r", "a")]
        {
            assert_eq!(bare(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_named() {
        for (text, part) in [
            ("\u{feff}abc", "byte order mark"),
            ("a\0b\0", "NUL"),
            ("abc\n", "more than one line"),
            ("a\rb", "more than one line"),
            ("a\tb", "control character"),
            ("a\u{85}b", "control character"),
            (" abc", "white space"),
            ("abc\u{a0}", "white space"),
        ] {
            let problem = hidden(&Secret::new(text)).unwrap();
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
        for fine in ["correct horse battery", "", "👩\u{200d}🚀 é"] {
            assert_eq!(hidden(&Secret::new(fine)), None);
        }
    }

    #[test]
    fn a_secret_file_is_bounded_text_of_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("secret");
        let write = |bytes: &[u8], mode: u32| {
            std::fs::write(&at, bytes).unwrap();
            std::fs::set_permissions(&at, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write(b"abc\n", 0o600);
        let (secret, warning) = secret_file(&at).unwrap();
        assert_eq!((secret.expose(), warning), ("abc", None));
        for mode in [0o640, 0o604, 0o620] {
            write(b"abc", mode);
            assert!(secret_file(&at).unwrap().1.unwrap().contains("chmod 600"), "{mode:o}");
        }
        write(b"a\xffb", 0o600);
        assert!(secret_file(&at).unwrap_err().contains("not UTF-8"));
        assert!(secret_file(Path::new("/dev/zero")).unwrap_err().contains("more than 65536 bytes"));
        assert!(secret_file(&folder.path().join("none")).unwrap_err().contains("cannot read"));
    }
}
