//! The write-down says the numbers of the truth.

use serde_json::Value;

use super::super::truth::Truth;
use super::names::{Names, fits};
use super::{Judgement, Said};

pub(super) fn judge(truth: &Truth, said: &Said<'_>, names: &Names<'_>, judgement: &mut Judgement) {
    let Some(should) = &truth.report else { return };
    let wrong = &mut judgement.deviations;
    let list = |name: &str| said.report.get(name).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    for (answer, figures) in &should.figures {
        let found = list("answers").find(|it| text(it, "name").as_ref() == Some(answer));
        for (figure, should) in figures {
            let is = found.and_then(|it| it.get("figures")?.get(figure)?.as_u64());
            if is != Some(*should) {
                wrong.push(format!("report: {figure} of {answer} is {is:?}, should be {should}"));
            }
        }
    }
    for (listener, should) in &should.floors {
        let found = list("floors").find(|it| {
            let name = text(it, "listener").and_then(|id| names.listener(&id));
            name.is_some_and(|name| fits(listener, &name))
        });
        let is = found.and_then(|it| text(it, "floor"));
        if is.as_ref() != Some(should) {
            wrong.push(format!("report: the floor under {listener} is {is:?}, should be {should}"));
        }
    }
}
