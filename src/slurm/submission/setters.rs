//! How the readers of options and of JSON put a description together.

use super::Description;
use super::value::Value;

impl Description {
    /// Adds what another one sets; returns a field that both set.
    pub(super) fn add(&mut self, other: Description) -> Option<&'static str> {
        let twice = other
            .fields
            .keys()
            .find(|name| **name != "flags" && self.fields.contains_key(*name));
        let twice = twice.copied();
        self.take(other);
        twice
    }

    /// Takes over what another one sets, as far as this one does not.
    pub(super) fn stand_on(&mut self, ground: Description) {
        let own = std::mem::replace(self, ground);
        self.file.clone_from(&own.file);
        self.script.clone_from(&own.script);
        self.take(own);
    }

    pub(super) fn take(&mut self, other: Description) {
        let flags = other.flags();
        let own = self.fields.remove("flags");
        self.fields.extend(other.fields);
        if let Some(own) = own {
            self.put("flags", own);
            flags.iter().for_each(|flag| self.flag(flag));
        }
        self.environment.extend(other.environment);
        self.parts.extend(other.parts);
        self.told.extend(other.told);
        self.given.extend(other.given);
        self.wishes.extend(other.wishes);
        self.remarks.extend(other.remarks);
        self.others.extend(other.others);
        if !other.hints.is_empty() {
            self.hints = other.hints;
        }
    }

    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        self.fields.insert(name, value);
    }

    /// Sets a part of a field, or takes it away where it is empty.
    pub(super) fn part(&mut self, field: &'static str, option: &'static str, text: String) {
        match text.is_empty() {
            true => self.parts.remove(&(field, option)),
            false => self.parts.insert((field, option), text),
        };
    }

    pub(super) fn flag(&mut self, flag: &str) {
        let mut flags = self.flags();
        if !flags.iter().any(|known| known == flag) {
            flags.push(flag.to_owned());
        }
        self.put("flags", Value::Words(flags));
    }

    pub(super) fn without_flags(&mut self, beginning: &str) {
        let mut flags = self.flags();
        flags.retain(|flag| !flag.starts_with(beginning));
        match flags.is_empty() {
            true => drop(self.fields.remove("flags")),
            false => self.put("flags", Value::Words(flags)),
        }
    }

    pub(super) fn flags(&self) -> Vec<String> {
        match self.fields.get("flags") {
            Some(Value::Words(flags)) => flags.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, variable: &'static str, value: &str) {
        self.told.insert(variable, value.to_owned());
    }

    pub(super) fn remark(&mut self, words: String) {
        self.remarks.push(words);
    }

    pub(super) fn variable(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is_name =
            !name.is_empty() && !name.contains(['\0', '=', '\n']) && !value.contains('\0');
        if !is_name {
            return Err("variable as in NAME=VALUE".to_owned());
        }
        self.environment.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}
