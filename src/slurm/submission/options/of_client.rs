//! What `sbatch` does by itself, and what cannot be had over the API.

use super::Follows::{Maybe, Nothing, Value};
use super::Reads::{Client, Refused};
use super::{SbatchOption, row};

const OF_SBATCH: &str = "it is about how sbatch itself behaves: leave it out";

#[rustfmt::skip]
pub(super) const ROWS: &[SbatchOption] = &[
    row("wait", Some('W'), Nothing, Client, "Wait until it has ended, as jobs wait does"),
    row("parsable", None, Nothing, Client, "Print its number alone, as hpcapi always does"),
    row("test-only", None, Nothing, Client, "Say what would be submitted, and submit nothing"),
    row("wrap", None, Value("COMMAND"), Client, "Run this command instead of a file"),
    row("quiet", Some('Q'), Nothing, Client, "Print no number"),
    row("ignore-pbs", None, Nothing, Client, "Do not read #PBS and #BSUB lines"),
    row("verbose", Some('v'), Nothing, Client, "Tell more"),
    row("help", Some('h'), Nothing, Refused(OF_SBATCH), ""),
    row("usage", None, Nothing, Refused(OF_SBATCH), ""),
    row("version", Some('V'), Nothing, Refused(OF_SBATCH), ""),
    row("bbf", None, Value("FILE"),
        Refused("sbatch puts the lines of that file into the script, behind its first: do so"), ""),
    row("clusters", Some('M'), Value("NAMES"),
        Refused("the API speaks with one cluster: leave it out, and choose it by --endpoint"), "")
        .also(&["cluster"]),
    row("export-file", None, Value("FILE"),
        Refused("name the variables: --export=NAME=VALUE,… or --env NAME=VALUE"), ""),
    row("external", None, Nothing, Refused("a job without a script is made by salloc"), "").newer(),
    row("gid", None, Value("GROUP"), Refused("a job runs as the token's user: leave it out"), ""),
    row("uid", None, Value("USER"),
        Refused("a job runs as the token's user: `token --user NAME` mints another's"), ""),
    row("power", None, Maybe("FLAGS"), Refused("Slurm has no power management by job any more: leave it out"), ""),
];
