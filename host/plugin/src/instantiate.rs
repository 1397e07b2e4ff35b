//! From a component to an instance: the linker that knows the contract, a store with its limits.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Store};

use crate::capability::{Guest, Outgoing};
use crate::contract::{self, Exporter, ExporterPre};
use crate::error::excerpt;
use crate::limits::{self, Memory, Ticker};
use crate::load::Loaded;
use crate::{PluginError, settings::PluginSettings};

/// Makes instances of one component, all alike.
#[derive(Clone)]
pub(crate) struct Mould {
    pre: ExporterPre<Guest>,
    ticker: Arc<Ticker>,
    name: Arc<str>,
    settings: Arc<str>,
    outgoing: Option<Arc<Outgoing>>,
    memory_bytes: u64,
    lines_dropped: Arc<AtomicU64>,
}

/// A component at work. It belongs to one call at a time, and is dropped when a call did not end well.
pub(crate) struct Instance {
    pub(crate) store: Store<Guest>,
    pub(crate) exports: Exporter,
    pub(crate) ticker: Arc<Ticker>,
}

impl Instance {
    /// The memory that it has, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.store.data().memory.used_bytes()
    }
}

/// The contract's host functions. Which of them a component may import was decided when it was loaded.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    contract::log::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    contract::clock::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    contract::settings::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    contract::outgoing_http::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl Mould {
    /// Type-checks the component against the contract. `lines_dropped` counts for all instances of the plugin.
    pub(crate) fn new(
        linker: &Linker<Guest>,
        ticker: &Arc<Ticker>,
        loaded: &Loaded,
        settings: &PluginSettings,
        outgoing: Option<Arc<Outgoing>>,
        lines_dropped: Arc<AtomicU64>,
    ) -> Result<Self, PluginError> {
        let other =
            |error: wasmtime::Error| PluginError::OtherContract { reason: excerpt(&format!("{error:#}")) };
        let pre = linker.instantiate_pre(&loaded.component).and_then(ExporterPre::new).map_err(other)?;
        Ok(Self {
            pre,
            ticker: Arc::clone(ticker),
            name: settings.name.as_str().into(),
            settings: settings.settings.to_string().into(),
            outgoing,
            memory_bytes: settings.memory_bytes,
            lines_dropped,
        })
    }

    /// A fresh instance. Its start functions run under the caller's deadline, and cannot call the host.
    pub(crate) async fn instance(&self) -> Result<Instance, PluginError> {
        let guest = Guest::new(
            Arc::clone(&self.name),
            Memory::new(self.memory_bytes),
            Arc::clone(&self.settings),
            self.outgoing.clone(),
            Arc::clone(&self.lines_dropped),
        );
        let mut store = Store::new(self.pre.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(limits::OUTPUT_BYTES);
        // At each tick the guest gives way; the deadline is the caller's, who drops the call.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);

        let _beat = self.ticker.beat();
        match self.pre.instantiate_async(&mut store).await {
            Ok(exports) => Ok(Instance { store, exports, ticker: Arc::clone(&self.ticker) }),
            Err(_) if store.data().memory.was_refused() => {
                Err(PluginError::OutOfMemory { call: "instantiate", limit_bytes: self.memory_bytes })
            }
            Err(error) => Err(PluginError::Instantiation { reason: excerpt(&format!("{error:#}")) }),
        }
    }
}
