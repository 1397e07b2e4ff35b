use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::limits::engine;

/// A component of nothing but imported instances with these names.
fn component_that_imports(names: &[&str]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    // A type section with one empty instance type.
    bytes.extend([7, 3, 1, 0x42, 0]);
    let mut imports = vec![names.len() as u8];
    for name in names {
        imports.extend([0, name.len() as u8]);
        imports.extend(name.as_bytes());
        imports.extend([5, 0]);
    }
    bytes.extend([10, imports.len() as u8]);
    bytes.extend(imports);
    bytes
}

fn binary(bytes: &[u8]) -> Binary {
    Binary { bytes: bytes.into(), digest: Digest::of(bytes) }
}

fn refusal(bytes: &[u8]) -> PluginError {
    load(&engine().unwrap(), None, &binary(bytes)).map(|_| ()).unwrap_err()
}

#[test]
fn what_is_no_component_is_told_apart() {
    assert!(matches!(refusal(b""), PluginError::NotWebAssembly));
    assert!(matches!(refusal(b"#!/bin/sh\n"), PluginError::NotWebAssembly));
    assert!(matches!(refusal(b"\0asm\x01\0\0\0"), PluginError::CoreModule));
    assert!(matches!(refusal(b"\0asm\x0d\0\x01\0\x07\xff"), PluginError::NotValid { .. }));
    let cut = component_that_imports(&["bartizan:plugin/log@0.1.0"]);
    assert!(matches!(refusal(&cut[..cut.len() - 3]), PluginError::NotValid { .. }));
}

#[test]
fn an_import_beyond_the_contract_is_refused_by_name() {
    for name in
        ["wasi:filesystem/types@0.2.0", "bartizan:plugin/log@0.2.0", "env", "bartizan:plugin/exec@0.1.0"]
    {
        let error = refusal(&component_that_imports(&["bartizan:plugin/log@0.1.0", name]));
        assert!(matches!(&error, PluginError::UnknownImport { import } if import == name), "{error}");
    }
}

#[test]
fn a_component_without_the_exports_is_refused() {
    let error = refusal(&component_that_imports(&["bartizan:plugin/log@0.1.0"]));
    assert!(matches!(error, PluginError::MissingExport { .. }), "{error}");
}

#[test]
fn a_file_is_read_up_to_its_limit_only_and_must_be_the_pinned_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.wasm");
    std::fs::File::create(&path).unwrap().set_len(limits::COMPONENT_BYTES + 10).unwrap();
    let error = Binary::read(&path).map(|_| ()).unwrap_err();
    assert!(
        matches!(error, PluginError::FileTooLarge { bytes, .. } if bytes == limits::COMPONENT_BYTES + 10)
    );
    assert!(matches!(Binary::read(folder.path()).map(|_| ()).unwrap_err(), PluginError::Read { .. }));

    let binary = binary(b"abc");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert!(binary.expect(None).is_ok());
    assert!(binary.expect(Some(digest)).is_ok());
    assert!(binary.expect(Some(&digest.to_uppercase())).is_ok());
    assert!(matches!(binary.expect(Some(&digest.replace('b', "c"))), Err(PluginError::OtherDigest { .. })));
}

/// A cache that holds one small compiled component: its folder, the file, the engine, the digest.
fn cached() -> (tempfile::TempDir, std::path::PathBuf, Engine, Digest) {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine().unwrap();
    let bytes = component_that_imports(&["bartizan:plugin/log@0.1.0"]);
    let component = Component::from_binary(&engine, &bytes).unwrap();
    Cache::open(folder.path()).unwrap().put(&engine, Digest::of(&bytes), &component);
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "compiled"))
        .unwrap();
    (folder, file, engine, Digest::of(&bytes))
}

#[test]
fn a_compiled_component_comes_back_and_its_folder_is_private() {
    let (folder, file, engine, digest) = cached();
    let cache = Cache::open(folder.path()).unwrap();
    assert!(cache.get(&engine, digest).is_some());
    assert!(cache.get(&engine, Digest::of(b"another")).is_none());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&folder.path().join("key")), 0o600);
}

#[test]
fn a_compiled_component_that_was_touched_moved_or_signed_by_another_is_not_loaded() {
    let touch = |change: fn(&Path, &Path)| {
        let (folder, file, engine, digest) = cached();
        change(folder.path(), &file);
        let cache = Cache::open(folder.path()).unwrap();
        let loaded = cache.get(&engine, digest).is_some();
        (loaded, file.exists())
    };
    assert_eq!(touch(|_, _| {}), (true, true));
    let flipped = touch(|_, file| {
        let mut bytes = std::fs::read(file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(file, bytes).unwrap();
    });
    assert_eq!(flipped, (false, false));
    assert_eq!(touch(|_, file| std::fs::write(file, [0; 8]).unwrap()), (false, false));
    assert_eq!(touch(|folder, _| std::fs::remove_file(folder.join("key")).unwrap()), (false, false));

    // A rightly marked file under another component's name.
    let (folder, file, engine, digest) = cached();
    let other = Digest::of(b"another");
    let name = file.file_name().unwrap().to_str().unwrap().replace(&digest.to_string(), &other.to_string());
    std::fs::copy(&file, folder.path().join(name)).unwrap();
    assert!(Cache::open(folder.path()).unwrap().get(&engine, other).is_none());
}

#[test]
fn a_cache_folder_that_is_a_link_or_whose_key_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
    assert!(Cache::open(&folder.path().join("link")).is_err());

    Cache::open(folder.path()).unwrap();
    let key = folder.path().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Cache::open(folder.path()).is_err());
}
