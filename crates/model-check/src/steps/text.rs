//! Steps and delegation points as text, for traces.

use super::Step;
use crate::model::Model;
use crate::state::{Physical, RequestType, State};
use crate::values::{resource_text, zone_letter};

impl Model {
    pub(crate) fn points_text(&self, state: &State) -> String {
        format!(
            "P: {} | Q: {}",
            self.points.text(state.points[0]),
            self.points.text(state.points[1])
        )
    }

    /// Returns the text of a step. It differs for different steps from one state.
    pub(crate) fn step_text(&self, state: &State, step: Step) -> String {
        let about = |id: u8| {
            let request = state.request(id);
            let who = resource_text(request.resource);
            let config = self.config(request.config).text();
            let late = if request.awaited { "" } else { ", late" };
            let physical = match (request.kind, request.physical) {
                (RequestType::Create, _) => String::new(),
                (_, Physical::Point(zone)) => format!(" of {}", zone_letter(zone)),
                (_, Physical::Unresolved) => " of an unresolved id".to_owned(),
                (_, Physical::Invented) => " of an invented id".to_owned(),
            };
            format!("{:?} {id} of {who}{physical} ({config}){late}", request.kind)
        };
        match step {
            Step::Deploy { stack, template } => {
                let template = self.profile.templates[usize::from(stack)][template];
                let of = |index: usize| {
                    template[index]
                        .map_or("nothing".to_owned(), |config| self.config(config).text())
                };
                format!("deploy S{}: {}, {}", stack + 1, of(0), of(1))
            }
            Step::Forget { stack } => format!("forget S{}", stack + 1),
            Step::Deliver { request } => format!("deliver {}", about(request)),
            Step::Duplicate { request } => format!("deliver again {}", about(request)),
            Step::Call { request, index, outcome } => {
                let delivery = state.deliveries.get(index);
                let at = delivery.map_or(String::new(), |delivery| format!("{:?}", delivery.stage));
                let mut earlier = state.deliveries.iter().take(index);
                let second = if earlier.any(|delivery| delivery.request == request) {
                    ", second delivery"
                } else {
                    ""
                };
                let outcome =
                    if outcome.is_empty() { String::new() } else { format!(": {outcome}") };
                format!("{} of {}{second}{outcome}", stage_short(&at), about(request))
            }
            Step::Run { request, checked, outcome } => {
                let checked =
                    if checked.is_empty() { String::new() } else { format!("{checked}, ") };
                format!("run {}: {checked}{outcome}", about(request))
            }
            Step::RunLost { request, checked } => {
                let checked =
                    if checked.is_empty() { String::new() } else { format!(": {checked}") };
                format!("run and lose the answer of {}{checked}", about(request))
            }
            Step::Cut { request, index } => {
                format!("cut off {} (delivery {index})", about(request))
            }
            Step::TimeOut { request, index, is_applied } => {
                let what = if is_applied { ", whose batch is applied" } else { "" };
                format!("run out of time in {}{what} (delivery {index})", about(request))
            }
            Step::GiveUp { request } => format!("give up {}", about(request)),
            Step::ByHand(act) => act.to_string(),
            Step::Wait { seconds } => format!("wait {seconds} s"),
            Step::Roll => "x signs only with its second key".to_owned(),
        }
    }
}

fn stage_short(stage: &str) -> &str {
    if stage.starts_with("Answer") { "Answer" } else { stage }
}
