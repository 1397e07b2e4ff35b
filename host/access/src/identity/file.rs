//! Small files with secrets: read whole and with a limit, written so that nobody sees half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::failure::SetupError;
use super::random;

/// A user file of 16 MiB holds some 80,000 users; more belong into a directory service.
const LONGEST: u64 = 16 << 20;

/// What changes when a file is replaced or written to; equal stamps mean equal contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// The file's stamp; none where it cannot be looked at.
    pub(super) fn of(path: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Reads a file of at most [`LONGEST`] bytes; the text is wiped when it is dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SetupError> {
    let mut content = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut content))
        .map_err(|cause| failed(path, cause))?;
    if content.len() as u64 > LONGEST {
        return Err(failed(path, io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB")));
    }
    Ok(content)
}

/// Reads a file that has to be UTF-8.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, SetupError> {
    let content = read(path)?;
    match std::str::from_utf8(&content) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(cause) => Err(failed(path, io::Error::new(io::ErrorKind::InvalidData, cause))),
    }
}

/// Puts `content` in the file's place: written beside it (mode 0600), synced, renamed. Whoever reads sees the
/// old or the new.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), SetupError> {
    // A link stays one; what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = beside(&target)?;
    let written = write_new(&beside, content).and_then(|()| {
        // An administrator's `user add` must not take the file from the account that the gateway runs as.
        if let (Ok(old), Ok(new)) = (fs::metadata(&target), fs::metadata(&beside))
            && (old.uid(), old.gid()) != (new.uid(), new.gid())
        {
            chown(&beside, Some(old.uid()), Some(old.gid()))?;
        }
        fs::rename(&beside, &target)
    });
    written.map_err(|cause| {
        let _ = fs::remove_file(&beside);
        failed(path, cause)
    })?;
    sync_directory(&target).map_err(|cause| failed(path, cause))
}

/// Makes the file, with its directory; false where somebody else has made it already.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<bool, SetupError> {
    let beside = beside(path)?;
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|cause| failed(path, cause))?;
    }
    // A link to a finished file, not `create_new` on the name itself: nobody may read half a key file.
    let linked = write_new(&beside, content).and_then(|()| fs::hard_link(&beside, path));
    let _ = fs::remove_file(&beside);
    match linked {
        Ok(()) => sync_directory(path).map(|()| true).map_err(|cause| failed(path, cause)),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(failed(path, cause)),
    }
}

/// Whether others than the owner and the group may read it.
pub(super) fn is_readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

pub(super) fn failed(path: &Path, cause: io::Error) -> SetupError {
    SetupError::File { path: path.to_owned(), cause }
}

fn beside(path: &Path) -> Result<PathBuf, SetupError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", URL_SAFE_NO_PAD.encode(random::<6>()?)));
    Ok(path.with_file_name(name))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        Some(directory) => File::open(directory)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
