//! What a hop into a guest costs, with bounds that only a mistake breaks. `--nocapture` prints the figures.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::instantiate::Mould;
use crate::load::{Binary, Cache, load};
use crate::settings::PluginSettings;
use crate::trial::Workshop;

const CALLS: u32 = 10_000;
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_call_costs_microseconds_warm_and_fresh_and_loading_from_the_cache_milliseconds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/hostile.wasm");
    assert!(path.is_file(), "{} is not there: run plugins/build", path.display());
    let workshop = Workshop::new(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path()).unwrap();
    let binary = Binary::read(&path).unwrap();

    let begun = Instant::now();
    load(&workshop.engine, Some(&cache), &binary).unwrap();
    let compiling = begun.elapsed();
    let begun = Instant::now();
    let loaded = load(&workshop.engine, Some(&cache), &binary).unwrap();
    let from_cache = begun.elapsed();

    let settings = PluginSettings::new("p", path);
    let mould =
        Mould::new(&workshop.linker, &workshop.ticker, &loaded, &settings, None, Default::default()).unwrap();
    let begun = Instant::now();
    for _ in 0..CALLS {
        mould.instance().await.unwrap();
    }
    let fresh = begun.elapsed() / CALLS;

    let mut instance = mould.instance().await.unwrap();
    let begun = Instant::now();
    for _ in 0..CALLS {
        let (passed, same) = instance.self_test(LIMIT).await;
        passed.unwrap();
        instance = same.unwrap();
    }
    let empty = begun.elapsed() / CALLS;
    let begun = Instant::now();
    for _ in 0..CALLS {
        let (families, same) = instance.collect(LIMIT).await;
        assert_eq!(families.unwrap().len(), 1);
        instance = same.unwrap();
    }
    let collect = begun.elapsed() / CALLS;
    println!(
        "compile {compiling:?}, load from cache {from_cache:?}, fresh instance {fresh:?}, \
         call without data {empty:?}, collect of one series {collect:?}"
    );
    assert!(from_cache < Duration::from_millis(50));
    assert!(fresh < Duration::from_millis(1));
    assert!(empty < Duration::from_micros(200));
    assert!(collect < Duration::from_micros(200));
}
