//! Keys and pastes on their way to the mode that has them.

use super::action::{ACTIONS, Action};
use super::composer::{Aim, HistorySearch, PASTE};
use super::form::Of;
use super::keymap::lookup;
use super::list::step;
use super::{App, Effect, Key, Mode, Pane, Viewport};
use crate::model::event::VOCABULARY;

impl App {
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        match lookup(self.place(), key) {
            Some(action) if !self.is_text(action) => self.act(action, key),
            _ => {
                self.typed(key);
                Vec::new()
            }
        }
    }

    fn act(&mut self, action: Action, key: Key) -> Vec<Effect> {
        if let Some(reason) = self.refusal(action) {
            if !reason.is_empty() {
                self.say(reason, false);
            }
            return Vec::new();
        }
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Suspend => return vec![Effect::Suspend],
            _ => {}
        }
        // A mode that is left is not put back.
        match std::mem::take(&mut self.mode) {
            Mode::Browse => return self.browse(action),
            Mode::Compose => {
                self.mode = Mode::Compose;
                return self.in_composer(action);
            }
            Mode::Filter => self.in_filter(action),
            Mode::Help { scroll, certificates } => {
                if certificates {
                    self.mode = Mode::Workbench;
                }
                if let Action::Move(motion) = action {
                    // A line for each key and each word, and their headings: more than there is.
                    let lines = 2 * (ACTIONS.len() + VOCABULARY.len());
                    self.mode = Mode::Help { scroll: step(motion, scroll, lines, 10), certificates };
                }
            }
            Mode::Handshake { scroll } => {
                if let Action::Move(motion) = action {
                    let Viewport { overlay, overlay_lines, .. } = self.viewport;
                    let len = overlay_lines.saturating_sub(overlay) + 1;
                    self.mode = Mode::Handshake { scroll: step(motion, scroll, len, overlay.max(1)) };
                }
            }
            Mode::Confirm(question) => {
                if action == Action::Yes {
                    return vec![question.yes];
                }
            }
            Mode::Form(mut form) => {
                match action {
                    Action::Leave => return Vec::new(),
                    Action::Take => {
                        if let Some(effects) = form.submit() {
                            self.submitted = Some(form).filter(|form| matches!(form.of, Of::Options(_)));
                            return effects;
                        }
                    }
                    Action::NextField => form.next_field(),
                    Action::PreviousField => form.previous_field(),
                    Action::Change => form.change(key),
                    _ => {}
                }
                self.mode = Mode::Form(form);
            }
            Mode::Palette(mut palette) => match action {
                Action::Leave => {}
                Action::Take => {
                    if let Some(found) = palette.chosen() {
                        return match (&found.certificate, found.setting) {
                            (Some(value), _) => self.show_certificate(value.clone()),
                            (None, Some(row)) => self.option(row),
                            (None, None) => self.act(found.row.action, key),
                        };
                    }
                }
                _ => {
                    if let Action::Move(motion) = action {
                        palette.step(motion);
                    }
                    self.mode = Mode::Palette(palette);
                }
            },
            Mode::History(mut search) => {
                self.mode = Mode::Compose;
                match action {
                    Action::Take => {
                        if let Some(draft) = search.chosen() {
                            self.composer.recall(draft);
                        }
                    }
                    Action::Move(motion) => {
                        search.step(motion);
                        self.mode = Mode::History(search);
                    }
                    _ => {}
                }
            }
            Mode::Waiting(at) => self.in_waiting(action, at),
            Mode::Workbench => return self.in_workbench(action, key),
            Mode::Address(mut address) => {
                if action != Action::Take {
                    return Vec::new();
                }
                let Some(row) = self.seen.endpoint(address.endpoint) else {
                    self.say("the endpoint is gone", false);
                    return Vec::new();
                };
                // An empty line means those who were seen.
                let aim = match address.editor.text().trim() {
                    "" if row.open > 0 => Ok(Aim::all(row)),
                    _ => address.read().map(|text| Aim::address(row, text)),
                };
                match aim {
                    Ok(aim) => {
                        self.composer.start(aim);
                        self.mode = Mode::Compose;
                    }
                    Err(error) => {
                        address.error = Some(error);
                        self.mode = Mode::Address(address);
                    }
                }
            }
        }
        Vec::new()
    }

    fn in_composer(&mut self, action: Action) -> Vec<Effect> {
        let composer = &mut self.composer;
        match action {
            Action::Send => return composer.send(&self.seen).into_iter().collect(),
            Action::Coding => composer.next_coding(),
            Action::Ending => composer.next_ending(),
            Action::Shape => composer.next_shape(),
            Action::Audience => composer.toggle_audience(&self.filter.text()),
            Action::Fragments => composer.next_fragments(),
            Action::Older => composer.older(&self.history),
            Action::Newer => composer.newer(&self.history),
            Action::NewLine => composer.typed(Key::AltEnter),
            Action::Search => self.mode = Mode::History(Box::new(HistorySearch::new(&self.history))),
            Action::Leave => self.mode = Mode::Browse,
            _ => {}
        }
        Vec::new()
    }

    fn in_filter(&mut self, action: Action) {
        match action {
            Action::Leave => self.filter.clear(),
            Action::Move(motion) => {
                self.mode = Mode::Filter;
                self.motion(motion);
            }
            _ => self.focus_on(Pane::Sockets),
        }
    }

    /// A key that is text, where there is a text.
    fn typed(&mut self, key: Key) {
        match &mut self.mode {
            Mode::Compose => self.composer.typed(key),
            Mode::Filter => {
                self.filter.input(key);
            }
            Mode::Form(form) => form.typed(key),
            Mode::Palette(palette) => {
                if palette.query.input(key) {
                    palette.find();
                }
            }
            Mode::History(search) => {
                if search.query.input(key) {
                    search.find(&self.history);
                }
            }
            Mode::Address(address) => {
                address.error = None;
                address.editor.input(key);
            }
            Mode::Workbench => {
                if let Some(sheet) = &mut self.workbench.sheet {
                    sheet.typed(key);
                }
            }
            Mode::Browse | Mode::Help { .. } | Mode::Handshake { .. } | Mode::Confirm(_) | Mode::Waiting(_) => {}
        }
    }

    /// A paste is text, never keys.
    pub(super) fn paste(&mut self, text: &str) {
        if text.len() > PASTE {
            return self
                .say("a paste of more than 1 MiB belongs in a file: the send panel's file mode sends it", false);
        }
        let line = text.trim_end_matches(['\r', '\n']);
        match &mut self.mode {
            Mode::Compose => {
                if let Some(done) = self.composer.paste(text) {
                    self.say(done, true);
                }
            }
            Mode::Filter => self.filter.insert(line),
            Mode::Form(form) => form.paste(text),
            Mode::Palette(palette) => {
                palette.query.insert(line);
                palette.find();
            }
            Mode::History(search) => {
                search.query.insert(line);
                search.find(&self.history);
            }
            Mode::Address(address) => {
                address.error = None;
                address.editor.insert(line);
            }
            Mode::Workbench if self.workbench.sheet.is_some() => {
                if let Some(sheet) = &mut self.workbench.sheet {
                    sheet.paste(text);
                }
            }
            Mode::Workbench => self.say("a paste goes into a form: n opens one", false),
            Mode::Browse | Mode::Help { .. } | Mode::Handshake { .. } | Mode::Confirm(_) | Mode::Waiting(_) => {
                self.say("a paste goes into the send panel: i opens it", false);
            }
        }
    }
}
