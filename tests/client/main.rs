//! The client against servers that are not what they should be: the built binary, or the library,
//! with small servers that the tests themselves play. Neither AWS nor Slurm is needed.

#[path = "../typed/mod.rs"]
mod typed;

mod accounting;
mod answers;
mod cancelled_parts;
mod command;
mod curled;
mod cursor;
mod empty_lists;
mod endings;
mod endless_answers;
mod explained;
mod filters;
mod forgotten;
mod homes;
mod hostile_answers;
mod layers;
mod moved;
mod nameless_tokens;
mod others_text;
mod pieces;
mod profiles;
mod proxies;
mod readers;
mod recorded_answers;
mod refused_tokens;
mod secrets;
mod server;
mod shims;
mod site_plugin;
mod submitted_once;
mod tls;
mod tried_again;
mod unwritten;
mod version_kept_back;
mod versions;
