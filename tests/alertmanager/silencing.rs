//! Silences are made, changed and ended within one's tenancy, and nowhere else.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use support::client;
use support::gateway::PASSWORD;

use crate::world::{SILENCES, World, read, silence};

#[tokio::test]
async fn a_silence_reaches_own_alerts_alone() -> Result<()> {
    let world = World::new().await?;
    made_within_and_refused_beyond(&world).await?;
    changed_and_ended_by_those_who_may(&world).await?;
    what_can_be_read_in_two_ways_is_refused(&world).await?;
    Ok(())
}

/// Everybody tries to make every silence of the world.
async fn made_within_and_refused_beyond(world: &World) -> Result<()> {
    for person in ["bo", "cy", "mute"] {
        let (mut made, mut refused) = (0, 0);
        for (matchers, people) in SILENCES {
            let tried = silence("tried", matchers);
            let before = count(world).await?;
            let (status, answer) = world.ask(person, Method::POST, "/api/v2/silences", Some(tried)).await?;
            let scope = if person == "mute" { "bo" } else { person };
            if people.contains(&scope) {
                ensure!(status == 200, "{person} {matchers:?}: {status} {answer}");
                let id = answer["silenceID"].as_str().context("no id")?;
                let (_, kept) =
                    world.ask_directly(Method::GET, &format!("/api/v2/silence/{id}"), None).await?;
                ensure!(kept["createdBy"] == person, "createdBy is {}", kept["createdBy"]);
                made += 1;
            } else {
                ensure!(status == 403, "{person} {matchers:?}: {status} {answer}");
                ensure!(count(world).await? == before, "{person} {matchers:?} was refused and made");
                refused += 1;
            }
        }
        ensure!(made > 1 && refused > 1, "{person}: {made} made, {refused} refused");
    }
    let catch_all = silence("all", &[("alertname", "=~", ".+")]);
    let (status, answer) = world.ask("bo", Method::POST, "/api/v2/silences", Some(catch_all.clone())).await?;
    let sentence = answer["error"].as_str().unwrap_or_default();
    ensure!(status == 403 && sentence.contains("add team=\"payments\""), "{status} {answer}");
    let (status, answer) = world.ask("ops", Method::POST, "/api/v2/silences", Some(catch_all)).await?;
    ensure!(status == 200, "who sees everything may: {status} {answer}");
    let (_, kept) =
        world.ask("ops", Method::GET, &format!("/api/v2/silence/{}", id_of(&answer)?), None).await?;
    ensure!(kept["createdBy"] == "ops", "createdBy is {}", kept["createdBy"]);
    Ok(())
}

async fn changed_and_ended_by_those_who_may(world: &World) -> Result<()> {
    let own = make(world, "bo", &[("team", "=", "payments"), ("instance", "=", "x")]).await?;
    let foreign = make(world, "cy", &[("team", "=", "walks"), ("instance", "=", "x")]).await?;
    let nowhere = "00000000-0000-4000-8000-000000000000".to_owned();

    // Ending: a foreign one answers like one that does not exist, and goes on.
    let missing = world.ask("bo", Method::DELETE, &format!("/api/v2/silence/{nowhere}"), None).await?;
    ensure!(missing.0 == 404, "{missing:?}");
    let hidden = world.ask("bo", Method::DELETE, &format!("/api/v2/silence/{foreign}"), None).await?;
    ensure!(hidden == missing, "{hidden:?} tells from {missing:?}");
    ensure!(state(world, &foreign).await? == "active");

    // Changing: not somebody else's into one's own, not one's own into more.
    let mut change = silence("changed", &[("team", "=", "payments"), ("instance", "=", "y")]);
    for id in [&foreign, &nowhere] {
        change["id"] = id.as_str().into();
        let (status, answer) =
            world.ask("bo", Method::POST, "/api/v2/silences", Some(change.clone())).await?;
        ensure!(status == 404, "{status} {answer}");
    }
    ensure!(state(world, &foreign).await? == "active");
    let mut widened = silence("changed", &[("instance", "=", "y")]);
    widened["id"] = own.as_str().into();
    let (status, answer) = world.ask("bo", Method::POST, "/api/v2/silences", Some(widened)).await?;
    ensure!(status == 403, "{status} {answer}");
    ensure!(state(world, &own).await? == "active");
    change["id"] = own.as_str().into();
    let (status, answer) = world.ask("bo", Method::POST, "/api/v2/silences", Some(change)).await?;
    ensure!(status == 200, "{status} {answer}");
    ensure!(state(world, &own).await? == "expired", "another took its place");
    let (status, answer) =
        world.ask("bo", Method::DELETE, &format!("/api/v2/silence/{}", id_of(&answer)?), None).await?;
    ensure!(status == 200, "{status} {answer}");

    // Who sees it and may not touch it is told so; who may only silence still does not read.
    let seen = make(world, "bo", &[("team", "=", "payments"), ("instance", "=", "z")]).await?;
    let (status, answer) = world.ask("eve", Method::DELETE, &format!("/api/v2/silence/{seen}"), None).await?;
    ensure!(status == 403 && answer.to_string().contains("not change or end"), "{status} {answer}");
    let (status, _) = world.ask("mute", Method::GET, &format!("/api/v2/silence/{seen}"), None).await?;
    ensure!(status == 403, "{status}");
    let (status, _) = world.ask("mute", Method::DELETE, &format!("/api/v2/silence/{seen}"), None).await?;
    ensure!(status == 200, "{status}");
    for path in ["x", "..%2Falerts", "%2e%2e", "00000000-0000-4000-8000-00000000000%30"] {
        let (status, answer) =
            world.ask("bo", Method::DELETE, &format!("/api/v2/silence/{path}"), None).await?;
        ensure!((400..=404).contains(&status), "{path}: {status} {answer}");
    }
    Ok(())
}

/// Bodies that Go reads otherwise than they look.
async fn what_can_be_read_in_two_ways_is_refused(world: &World) -> Result<()> {
    let own = json!([{"name": "team", "value": "payments", "isRegex": false}]).to_string();
    let all = json!([{"name": "alertname", "value": ".+", "isRegex": true}]).to_string();
    let rest = silence("x", &[]).as_object().context("no object")?.iter().fold(
        String::new(),
        |text, (name, value)| {
            if name == "matchers" { text } else { format!("{text},\"{name}\":{value}") }
        },
    );
    let before = count(world).await?;
    for body in [
        format!("{{\"matchers\":{own},\"matchers\":{all}{rest}}}"),
        format!("{{\"matchers\":{own},\"Matchers\":{all}{rest}}}"),
        format!("{{\"matchers\":{own},\"MATCHERS\":{all}{rest}}}"),
        format!("{{\"matchers\":{own},\"\\u017ftartsAt\":\"\"{rest}}}"),
        format!("{{\"matchers\":{own},\"matcherSets\":[]{rest}}}"),
        format!("{{\"matchers\":{own}{rest}}}{{\"matchers\":{all}{rest}}}"),
        format!("[{{\"matchers\":{own}{rest}}}]"),
        String::new(),
    ] {
        let request =
            world.gateway.client().post(format!("{}/alertmanager/api/v2/silences", world.gateway.url()));
        let request = request.basic_auth("bo", Some(PASSWORD)).header("content-type", "application/json");
        let (status, answer) = read(request.body(body.clone())).await?;
        ensure!(status == 400, "{body}: {status} {answer}");
    }
    ensure!(count(world).await? == before);
    Ok(())
}

async fn make(world: &World, person: &str, matchers: &[(&str, &str, &str)]) -> Result<String> {
    let made = silence("made", matchers);
    let (status, answer) = world.ask(person, Method::POST, "/api/v2/silences", Some(made)).await?;
    ensure!(status == 200, "{person} {matchers:?}: {status} {answer}");
    id_of(&answer)
}

fn id_of(answer: &Value) -> Result<String> {
    Ok(answer["silenceID"].as_str().context("no id")?.to_owned())
}

async fn state(world: &World, id: &str) -> Result<Value> {
    let url = format!("{}/api/v2/silence/{id}", world.all.urls()[0]);
    let (status, silence) = read(client::plain().get(url)).await?;
    ensure!(status == 200, "{id}: {status}");
    Ok(silence["status"]["state"].clone())
}

async fn count(world: &World) -> Result<usize> {
    let (_, silences) = world.ask_directly(Method::GET, "/api/v2/silences", None).await?;
    Ok(silences.as_array().context("no list")?.len())
}
