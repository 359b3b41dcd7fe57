//! `hpcapi api`.

use std::io::Read;

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output;
use crate::slurm::client::{Begun, Request};

use super::reach::ReachArgs;
use super::show::{UserArgs, api_path, print_curl, print_stream, with_client};

/// Send one request with the token, print the answer
///
/// The request is sent as it is, and what the server says is printed so.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// GET, POST, DELETE, …
    method: String,

    /// A path as in /slurm/{version}/diag, where {version} is filled in; without a slash at its
    /// beginning it is below /slurm/{version}/
    path: String,

    /// The JSON body: text, @FILE, or @- for standard input
    #[arg(long)]
    data: Option<String>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    /// Print the request as a curl command, with the token as $SLURM_JWT, and send nothing
    #[arg(long)]
    curl: bool,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let request = request(&args)?;
    let user = args.user.user.as_ref();
    if args.curl {
        return print_curl(&args.reach, user, &[request]);
    }
    with_client(&args.reach, user, async |reach, _| {
        let client = &reach.client;
        let reply = match request.is_repeatable() {
            true => match client.begin(&request).await? {
                Begun::Stream(incoming) => return print_stream(incoming).await,
                Begun::Reply(reply) => reply,
            },
            false => client.call(&request).await?,
        };
        let written = output::document(&reply.body);
        if (200..300).contains(&reply.status) {
            written.map_err(|unwritten| {
                let (method, path) = (&request.method, &request.path);
                let done = format!("{method} {path} is done (HTTP {})", reply.status);
                output::after(&done, unwritten)
            })
        } else {
            Err(client.refusal(&request, &reply))
        }
    })
    .await
}

fn request(args: &Args) -> Result<Request> {
    let method = args.method.to_uppercase();
    let is_method = matches!(
        method.as_str(),
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS"
    );
    if !is_method {
        return Err(Error::usage(format!("`{}` is no HTTP method", args.method))
            .hint(Hint::run(Verb::Api.with("GET /slurm/{version}/diag")).because("for example")));
    }
    let is_sendable = |c: char| c.is_ascii_graphic();
    if args.path.is_empty() || !args.path.chars().all(is_sendable) {
        return Err(
            Error::usage(format!("`{}` is no path", output::plain(&args.path)))
                .hint("blanks and all but ASCII have to be percent-encoded, as in %20"),
        );
    }
    Ok(Request {
        method: method.parse().expect("one of the above"),
        path: api_path(&args.path),
        body: args.data.as_deref().map(body).transpose()?,
    })
}

fn body(data: &str) -> Result<Vec<u8>> {
    let Some(file) = data.strip_prefix('@') else {
        return Ok(data.as_bytes().to_vec());
    };
    let mut body = Vec::new();
    let read = if file == "-" {
        std::io::stdin().lock().read_to_end(&mut body).map(|_| body)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Error::usage(format!("cannot read the body from `{file}`")).because(error))
}
