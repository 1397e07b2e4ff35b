//! Checks a chain of audit files: any edit, cut or gap shows.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use super::chain::{GENESIS, sealed};
use super::head_path;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every line seals the one before, up to the head.
    Intact {
        /// The first sequence number read; 1 unless older files were left out.
        first: u64,
        /// The last one.
        last: u64,
        /// The last hash: compare it with the one in the program's log.
        hash: String,
    },
    /// The chain does not hold from here on.
    Broken {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1; one past the end where lines are missing.
        line: u64,
        /// What is wrong there.
        what: String,
    },
}

/// Reads files in their order (oldest first) and checks the chain through all of them; the last one's head, if it stands beside it, must agree.
pub(crate) fn verify(files: &[PathBuf]) -> io::Result<Verdict> {
    let mut end: Option<(u64, String)> = None;
    let mut first = 1;
    for file in files {
        let mut reader = BufReader::new(File::open(file)?);
        let mut text = String::new();
        for line in 1u64.. {
            text.clear();
            if reader.read_line(&mut text)? == 0 {
                break;
            }
            let broken = |what: String| Ok(Verdict::Broken { file: file.clone(), line, what });
            let link = match Link::read(&text) {
                Ok(link) => link,
                Err(what) => return broken(what),
            };
            match &end {
                None if link.seq == 1 && link.prev != GENESIS => {
                    return broken("the first line does not begin a chain".into());
                }
                None => first = link.seq,
                Some((seq, _)) if link.seq != seq + 1 => {
                    return broken(format!(
                        "line {} follows line {seq} of the chain: lines are missing or moved",
                        link.seq
                    ));
                }
                Some((_, hash)) if link.prev != *hash => {
                    return broken(
                        "it does not seal the line before it, which was changed or replaced".into(),
                    );
                }
                Some(_) => {}
            }
            end = Some((link.seq, link.hash));
        }
    }
    let (last, hash) = end.unwrap_or((0, GENESIS.to_owned()));
    if let Some(file) = files.last()
        && let Ok(head) = std::fs::read_to_string(head_path(file))
    {
        let head: serde_json::Value = serde_json::from_str(&head).unwrap_or_default();
        let agrees = head["seq"].as_u64() == Some(last) && head["hash"].as_str() == Some(&hash);
        if !agrees {
            let what = format!(
                "the head says that line {} is the last, the file ends with {last}: lines were cut off or added",
                head["seq"]
            );
            return Ok(Verdict::Broken { file: file.clone(), line: last - first + 2, what });
        }
    }
    Ok(Verdict::Intact { first, last, hash })
}

struct Link {
    seq: u64,
    prev: String,
    hash: String,
}

impl Link {
    fn read(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix('\n').ok_or("the line is torn")?;
        let line: serde_json::Value =
            serde_json::from_str(text).map_err(|_| "this is not an audit record")?;
        let (Some(seq), Some(prev), Some(hash)) =
            (line["seq"].as_u64(), line["prev"].as_str(), line["hash"].as_str())
        else {
            return Err("this is not an audit record".into());
        };
        let sealed_text = text
            .strip_suffix(&format!(",\"hash\":\"{hash}\"}}"))
            .ok_or("the line does not end with its hash")?;
        if sealed(sealed_text.as_bytes()) != hash {
            return Err("its hash does not fit its text: the line was changed".into());
        }
        Ok(Link { seq, prev: prev.to_owned(), hash: hash.to_owned() })
    }
}
