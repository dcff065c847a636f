//! Labels of the operator: legacy is taken at its word, modern hides nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid, settings};
use tierzero_core::graph::{Label, Labels, ListenerClass};
use tierzero_core::pipeline::Pipeline;

const GET: (&str, &str) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n");
const AUTH: (&str, &str) = ("*2\r\n$4\r\nAUTH\r\n$5\r\nMARK5\r\n", "+OK\r\n");
const NOAUTH: (&str, &str) = (GET.0, "-NOAUTH Authentication required.\r\n");
const PLACE: &str = "127.0.0.1:6379";

fn at_port(port: u16) -> Vec<Label> {
    vec![Label { port: Some(port), ..Label::default() }]
}

fn pipeline(labels: &Labels) -> Pipeline {
    let mut pipeline = Pipeline::new(settings());
    pipeline.label(labels.clone());
    pipeline
}

fn class(labels: &Labels, turns: &[(&str, &str)]) -> (ListenerClass, Vec<String>) {
    let mut scene = Scene::with(pipeline(labels));
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.listen(redis, PLACE, HOST);
    if !turns.is_empty() {
        let mut it = scene.connect(pid(200), pid(100), ("127.0.0.1:40001", HOST), (PLACE, HOST));
        scene.talk(&mut it, turns);
        scene.close(&it);
        scene.wait(3000);
    }
    let listener = scene.snapshot().listeners[0].clone();
    (listener.class, listener.reasons)
}

#[test]
fn legacy_is_taken_at_its_word() {
    for turns in [&[][..], &[NOAUTH, AUTH, GET], &[GET]] {
        let labels = Labels { legacy: at_port(6379), ..Labels::default() };
        let (is, reasons) = class(&labels, turns);
        assert_eq!(is, ListenerClass::Legacy);
        assert_eq!(reasons.last().unwrap(), "the operator calls it legacy");
        let labels = Labels { legacy: at_port(6380), ..Labels::default() };
        assert!(!class(&labels, turns).1.iter().any(|it| it.contains("operator")));
    }
}

#[test]
fn modern_hides_nothing_that_was_seen() {
    let labels = Labels { modern: at_port(6379), ..Labels::default() };
    let (is, reasons) = class(&labels, &[]);
    assert_eq!(
        (is, reasons.last().unwrap().as_str()),
        (ListenerClass::Modern, "the operator calls it modern")
    );
    for (turns, should) in [
        (&[GET][..], ListenerClass::Legacy),
        (&[NOAUTH, AUTH, GET], ListenerClass::Transitional),
        (&[AUTH, GET], ListenerClass::Unknown),
    ] {
        let (is, reasons) = class(&labels, turns);
        assert_eq!(is, should, "{reasons:?}");
        assert!(reasons.last().unwrap().ends_with("what was observed speaks against it"), "{reasons:?}");
    }
}

#[test]
fn a_label_that_came_later_holds_for_what_was_stored() {
    let mut scene = Scene::with(pipeline(&Labels::default()));
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.listen(redis, PLACE, HOST);
    let stored = scene.snapshot();
    let exe = vec![Label { exe: Some("redis-server".to_owned()), ..Label::default() }];
    let mut again = pipeline(&Labels { legacy: exe, ..Labels::default() });
    again.restore(&stored);
    assert_eq!(again.snapshot().listeners[0].class, ListenerClass::Legacy);
}
