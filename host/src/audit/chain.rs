//! The file: lines chained by their hashes, continued after a restart, rotated by size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use ring::digest;

use super::{AuditSettings, head_path};

/// `prev` of the first line.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of the chain and the file that it is written to.
pub(super) struct Chain {
    settings: AuditSettings,
    file: File,
    head: File,
    size_bytes: u64,
    first_seq: u64,
    seq: u64,
    hash: String,
    /// What the head says.
    head_seq: u64,
    /// Whether a write failed in the middle, so that the file may end with a piece of a line.
    torn: bool,
}

impl Chain {
    /// Opens or makes the file. The chain goes on behind its last whole line; a torn last line (from
    /// a crash or a full disk) is cut off, since it was never acknowledged by the head.
    pub(super) fn open(settings: AuditSettings) -> io::Result<Self> {
        let mut file = opened(&settings.file)?;
        let whole = last_whole_line(&mut file)?;
        let size_bytes = whole.end;
        if size_bytes < file.metadata()?.len() {
            file.set_len(size_bytes)?;
        }
        let (mut first_seq, mut seq, mut hash) = match whole.line {
            Some(line) => {
                let (seq, hash) = seal_of(&line).ok_or_else(|| {
                    let message = format!(
                        "the last line of {} is not an audit record; run `bartizan audit verify` on it, then move it away",
                        settings.file.display()
                    );
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })?;
                (first_seq(&settings.file)?.unwrap_or(1), seq, hash)
            }
            None => (1, 0, GENESIS.to_owned()),
        };
        let head = fs::read_to_string(head_path(&settings.file)).ok().and_then(|head| seal_of(&head));
        if let Some((head_seq, head_hash)) = head.filter(|(head_seq, _)| *head_seq > seq) {
            // After a rotation the file is new. Otherwise lines were cut off, and the chain keeps the gap in view.
            if seq > 0 {
                tracing::error!(file = %settings.file.display(), last = seq, head = head_seq, "audit records are missing");
            } else {
                first_seq = head_seq + 1;
            }
            (seq, hash) = (head_seq, head_hash);
        }
        let head = opened_head(&head_path(&settings.file))?;
        Ok(Chain { settings, file, head, size_bytes, first_seq, seq, hash, head_seq: seq, torn: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.settings.file
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// Writes records (JSON objects without their closing brace, a line each) and empties the buffer.
    /// On failure nothing is lost: the file is cut back to the last batch, the buffer stays as it is.
    pub(super) fn append(&mut self, records: &mut Vec<u8>) -> io::Result<()> {
        self.reopen_if_moved()?;
        if self.torn {
            self.file.set_len(self.size_bytes)?;
            self.torn = false;
        }
        if !records.is_empty() {
            self.write(records)?;
            records.clear();
        }
        if self.head_seq != self.seq {
            self.write_head()?;
        }
        if self.size_bytes >= self.settings.rotate_bytes { self.rotate() } else { Ok(()) }
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        let mut out = Vec::with_capacity(records.len() * 2);
        let (mut seq, mut hash) = (self.seq, self.hash.clone());
        for record in records.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
            seq += 1;
            let start = out.len();
            out.extend_from_slice(record);
            write!(out, ",\"seq\":{seq},\"prev\":\"{hash}\"")?;
            hash = sealed(&out[start..]);
            writeln!(out, ",\"hash\":\"{hash}\"}}")?;
        }
        self.torn = true;
        self.file.write_all(&out)?;
        self.torn = false;
        self.size_bytes += out.len() as u64;
        (self.seq, self.hash) = (seq, hash);
        Ok(())
    }

    /// Goes on in a new file where somebody moved or removed the old one: what is written to a file without a name
    /// would be lost. The chain goes on as well, so the gap shows where the old file is gone.
    fn reopen_if_moved(&mut self) -> io::Result<()> {
        if !is_at(&self.file, &self.settings.file)? {
            tracing::error!(
                file = %self.path().display(), last_seq = self.seq,
                "the audit file was moved or removed; going on in a new one"
            );
            self.file = opened(&self.settings.file)?;
            self.size_bytes = 0;
            self.first_seq = self.seq + 1;
            self.torn = false;
        }
        let head = head_path(&self.settings.file);
        if !is_at(&self.head, &head)? {
            self.head = opened_head(&head)?;
            self.head_seq = 0;
        }
        Ok(())
    }

    /// Makes the file durable.
    pub(super) fn close(&mut self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(%error, "the audit file could not be synced");
        }
    }

    fn write_head(&mut self) -> io::Result<()> {
        // Of one length, so that it is overwritten in place: truncating a file with each batch costs more than the batch.
        let head = format!("{{\"seq\":{:>20},\"hash\":\"{}\"}}\n", self.seq, self.hash);
        self.head.write_all_at(head.as_bytes(), 0)?;
        self.head_seq = self.seq;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let mut old = self.settings.file.as_os_str().to_owned();
        old.push(format!(".{:012}", self.first_seq));
        fs::rename(&self.settings.file, old)?;
        // Should this fail, the next attempt finds the file moved.
        self.file = opened(&self.settings.file)?;
        self.size_bytes = 0;
        self.first_seq = self.seq + 1;
        Ok(())
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)
}

fn opened_head(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o640).open(path)
}

/// Whether the open file is the one that stands at the path.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The hash of a line's text up to its `hash` member, in hexadecimal.
pub(super) fn sealed(text: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, text);
    let mut text = String::with_capacity(2 * digest.as_ref().len());
    for byte in digest.as_ref() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

fn first_seq(file: &Path) -> io::Result<Option<u64>> {
    let mut line = String::new();
    BufReader::new(File::open(file)?).read_line(&mut line)?;
    Ok(seal_of(&line).map(|(seq, _)| seq))
}

fn seal_of(line: &str) -> Option<(u64, String)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    Some((line.get("seq")?.as_u64()?, line.get("hash")?.as_str()?.to_owned()))
}

struct WholeLine {
    /// The last whole line, where there is one.
    line: Option<String>,
    /// Where it ends.
    end: u64,
}

fn last_whole_line(file: &mut File) -> io::Result<WholeLine> {
    /// Longer than any record: queries are capped well below it.
    const TAIL_BYTES: u64 = 1 << 20;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(WholeLine { line: None, end: if from == 0 { 0 } else { length } });
    };
    let start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = String::from_utf8_lossy(&tail[start..end]).into_owned();
    Ok(WholeLine { line: Some(line), end: from + end as u64 + 1 })
}
