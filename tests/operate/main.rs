//! Running it: one backend dies, settings change, the audit log is checked, the command line is used by a newcomer.

mod command_line;
mod failover;
mod first_run;
mod reload;

use support::gateway::Options;

const POLICY: &str = r#"
roles:
  all:
    grants:
      - {backend: prometheus, actions: ['*'], selectors: ['{}']}
  payments:
    grants:
      - {backend: prometheus, actions: [read], selectors: ['{team="payments"}'], redact: [email]}
bindings:
  - {role: all, groups: [admins]}
  - {role: payments, groups: [payments]}
"#;

const SAMPLES: &str = "\
# TYPE sold gauge
sold{team=\"payments\",customer=\"jo@example.com\"} 7 1700000000
sold{team=\"walks\",customer=\"al@example.com\"} 9 1700000000
# EOF
";

/// The samples' own time.
const AT: &str = "time=1700000000";

fn options(replicas: impl IntoIterator<Item = String>) -> anyhow::Result<Options> {
    Ok(Options::new()?
        .backend("prometheus", "prometheus", replicas)
        .policy(POLICY)
        .user("ada", "admins")
        .user("bo", "payments"))
}
