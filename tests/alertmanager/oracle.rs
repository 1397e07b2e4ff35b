//! Every read, by way of the gateway and from the person's own server: the answers are equal.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::Value;
use support::client;

use crate::world::{Dice, RESTRICTED, World, read, sees};

/// How many queries each person asks of `alerts` and `alerts/groups`.
const QUERIES: usize = 350;

#[tokio::test]
async fn reads_equal_those_of_an_alertmanager_with_own_alerts_alone() -> Result<()> {
    let world = World::new().await?;
    for person in RESTRICTED {
        let own = world.of(person).await?;
        let url = own.urls()[0].clone();
        let names = [names(&world.all.urls()[0]).await?, names(&url).await?];
        let own = Pair { world: &world, person, own: url, names };
        own.settle().await?;
        own.differs_from_mere_filtering().await?;
        let mut dice = Dice(0x9e37_79b9 + person.len() as u64);
        let mut sizes = BTreeMap::new();
        for _ in 0..QUERIES {
            let path = dice.of(&["/api/v2/alerts", "/api/v2/alerts/groups"]);
            let query = random_query(&mut dice);
            let size = own.compare(&format!("{path}?{query}")).await?;
            *sizes.entry(size).or_insert(0) += 1;
        }
        ensure!(sizes.len() > 10, "{person}: the queries hardly differ: {sizes:?}");
        for query in ["", "filter=team%3Dpayments", "filter=alertname%3DDown", "filter=%7B", "active=false"] {
            own.compare(&format!("/api/v2/silences?{query}")).await?;
        }
        own.each_silence().await?;
    }
    Ok(())
}

/// One person's two ways to an answer.
struct Pair<'a> {
    world: &'a World,
    person: &'a str,
    own: String,
    /// What each silence is called in its comment, by id: the servers give ids of their own.
    names: [BTreeMap<String, String>; 2],
}

impl Pair<'_> {
    /// Alertmanager groups and inhibits in its own time after it has taken alerts.
    async fn settle(&self) -> Result<()> {
        for _ in 0..100 {
            let mut equal = true;
            for path in ["/api/v2/alerts", "/api/v2/alerts/groups"] {
                let (ours, theirs) = self.both(path).await?;
                equal &= ours == theirs;
            }
            if equal {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.compare("/api/v2/alerts/groups").await?;
        self.compare("/api/v2/alerts").await.map(|_| ())
    }

    async fn both(&self, path: &str) -> Result<((u16, Value), (u16, Value))> {
        let (status, body) = self.world.ask(self.person, Method::GET, path, None).await?;
        let ours = (status, comparable(body, &self.names[0]));
        let (status, body) = read(client::plain().get(format!("{}{path}", self.own))).await?;
        Ok((ours, (status, comparable(body, &self.names[1]))))
    }

    /// Compares, and tells how long the list is.
    async fn compare(&self, path: &str) -> Result<usize> {
        let (ours, theirs) = self.both(path).await?;
        ensure!(ours == theirs, "{} at {path}: {}", self.person, difference(&ours, &theirs));
        let length = ours.1.as_array().map_or(0, Vec::len);
        if path.starts_with("/api/v2/alerts?") && ours.0 == 200 {
            let foreign = ours.1.as_array().into_iter().flatten().find(|alert| !sees(self.person, alert));
            ensure!(foreign.is_none(), "{} sees {foreign:?}", self.person);
        }
        Ok(length)
    }

    /// The test would show nothing if nobody else's silences and alerts had touched own alerts.
    async fn differs_from_mere_filtering(&self) -> Result<()> {
        let (_, everything) = self.world.ask_directly(Method::GET, "/api/v2/alerts", None).await?;
        let (_, own) = self.world.ask(self.person, Method::GET, "/api/v2/alerts", None).await?;
        let seen: Vec<&Value> =
            everything.as_array().into_iter().flatten().filter(|alert| sees(self.person, alert)).collect();
        let changed = |list: &str| {
            let own = own.as_array().into_iter().flatten();
            own.zip(&seen).filter(|(own, seen)| own["status"][list] != seen["status"][list]).count()
        };
        ensure!(
            changed("silencedBy") > 0 && changed("inhibitedBy") > 0,
            "{} is touched by nobody",
            self.person
        );
        Ok(())
    }

    /// Each silence by its id: shown if it is in the list, else like one that does not exist.
    async fn each_silence(&self) -> Result<()> {
        let (_, listed) = self.world.ask(self.person, Method::GET, "/api/v2/silences", None).await?;
        let listed: Vec<&Value> = listed.as_array().into_iter().flatten().collect();
        let nowhere = "/api/v2/silence/00000000-0000-4000-8000-000000000000";
        let missing = self.world.ask(self.person, Method::GET, nowhere, None).await?;
        ensure!(missing.0 == 404, "{missing:?}");
        for id in self.names[0].keys() {
            let shown =
                self.world.ask(self.person, Method::GET, &format!("/api/v2/silence/{id}"), None).await?;
            match listed.iter().find(|silence| silence["id"] == **id) {
                Some(silence) => ensure!(shown == (200, (*silence).clone()), "{id}: {shown:?}"),
                None => ensure!(shown == missing, "{}: {id} is hidden, but {shown:?}", self.person),
            }
        }
        Ok(())
    }
}

async fn names(url: &str) -> Result<BTreeMap<String, String>> {
    let (status, silences) = read(client::plain().get(format!("{url}/api/v2/silences"))).await?;
    ensure!(status == 200, "{status} {silences}");
    let pairs = silences.as_array().into_iter().flatten().map(|silence| {
        let text = |key: &str| silence[key].as_str().unwrap_or_default().to_owned();
        (text("id"), text("comment"))
    });
    Ok(pairs.collect())
}

/// The first elements that differ.
fn difference(ours: &(u16, Value), theirs: &(u16, Value)) -> String {
    let list = |answer: &(u16, Value)| answer.1.as_array().cloned().unwrap_or_else(|| vec![answer.1.clone()]);
    let (ours_listed, theirs_listed) = (list(ours), list(theirs));
    let only = |some: &[Value], others: &[Value]| -> String {
        some.iter().find(|element| !others.contains(element)).map_or("nothing".to_owned(), Value::to_string)
    };
    format!(
        "by the gateway {} with {} elements, by the own server {} with {}\n  only the former: {}\n  only the latter: {}",
        ours.0,
        ours_listed.len(),
        theirs.0,
        theirs_listed.len(),
        only(&ours_listed, &theirs_listed),
        only(&theirs_listed, &ours_listed)
    )
}

/// An answer without what two servers never have in common: the times at which they heard of something, ids
/// of silences, and the order in which groups and alerts come out of Go's maps.
fn comparable(mut body: Value, names: &BTreeMap<String, String>) -> Value {
    if let Some(list) = body.as_array_mut() {
        for element in list.iter_mut() {
            strip(element, names);
            if let Some(alerts) = element["alerts"].as_array_mut() {
                alerts.iter_mut().for_each(|alert| strip(alert, names));
                alerts.sort_by_key(Value::to_string);
            }
        }
        let groups = list.iter().any(|element| element.get("alerts").is_some());
        if groups {
            list.sort_by_key(Value::to_string);
        }
    }
    body
}

fn strip(element: &mut Value, names: &BTreeMap<String, String>) {
    if let Some(fields) = element.as_object_mut() {
        fields.retain(|name, _| !["updatedAt", "id"].contains(&name.as_str()));
        if fields.contains_key("matchers") {
            fields.remove("startsAt");
            fields.remove("endsAt");
        }
        if fields.get("alerts").is_some_and(Value::is_null) {
            fields.remove("alerts");
        }
    }
    if let Some(ids) = element.pointer_mut("/status/silencedBy").and_then(Value::as_array_mut) {
        for id in ids.iter_mut() {
            *id = id.as_str().and_then(|id| names.get(id)).map_or("unknown", String::as_str).into();
        }
        ids.sort_by_key(Value::to_string);
    }
}

fn random_query(dice: &mut Dice) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for flag in ["active", "silenced", "inhibited", "unprocessed"] {
        if dice.below(3) == 0 {
            query.append_pair(flag, dice.of(&["false", "true", "0", "1", "", "no", "YES"]));
        }
    }
    for _ in 0..dice.below(3) {
        let filters = [
            "team=\"payments\"",
            "team=payments",
            "team=\"walks\"",
            "team=~\"p.*\"",
            "team!=\"payments\"",
            "team=\"\"",
            "team!~\"pay.*\"",
            "severity=\"warning\"",
            "severity=~\"critical|info\"",
            "service=\"\"",
            "service!=\"\"",
            "alertname=~\"D.*|S.*\"",
            "alertname=\"Odd \\\"one\\\"\\\\\"",
            "instance=~\"i[1-5].*\"",
            "nothing=\"x\"",
            "instance=\"i3\"",
        ];
        query.append_pair("filter", dice.of(&filters));
    }
    if dice.below(4) == 0 {
        let receivers = ["payments-pager", ".*-pager", "warnings", "everybody", "nobody.*", ""];
        query.append_pair("receiver", dice.of(&receivers));
    }
    if dice.below(25) == 0 {
        let (name, value) = dice.of(&[("filter", "=x"), ("receiver", "("), ("filter", "team=~\"(\"")]);
        query.append_pair(name, value);
    }
    query.finish()
}
