//! The network interfaces that keep a VPC or a security group from being deleted: who holds them, since when, and
//! how long it is worth to wait.

use std::time::Duration;

use crate::aws::{Interface, MadeFor};
use crate::context::Context;
use crate::deploy::leftovers::{AwsCommands, Leftover};
use crate::error::{Error, Result};
use crate::step::Step;
use crate::wait::Pace;

/// AWS removes the network interfaces of a load balancer or VPC link minutes after it.
const LINGERING: Duration = Duration::from_secs(900);

/// An instance that is being terminated takes its interfaces with it.
const TERMINATING: Duration = Duration::from_secs(300);

/// What nobody holds is of somebody who has to remove it.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What network interfaces keep from being deleted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held<'h> {
    /// A VPC, by those in it.
    Vpc(&'h str),
    /// A security group, by those that wear it, without those of VPC endpoints that go with the stack.
    Group {
        /// Its id.
        id: &'h str,
        /// The ids of those endpoints.
        endpoints: &'h [&'h str],
    },
}

impl Held<'_> {
    async fn interfaces(self, context: &Context) -> Result<Vec<Interface>> {
        let network = &context.aws.network;
        match self {
            Held::Vpc(vpc) => network.interfaces_of_vpc(vpc).await,
            Held::Group { id, endpoints } => {
                let worn = network.interfaces_of_group(id).await?;
                Ok(without_endpoints(worn, endpoints))
            }
        }
    }

    fn id(&self) -> &str {
        match self {
            Held::Vpc(id) | Held::Group { id, .. } => id,
        }
    }
}

/// Returns the interfaces without those of VPC endpoints.
fn without_endpoints(mut interfaces: Vec<Interface>, endpoints: &[&str]) -> Vec<Interface> {
    interfaces.retain(|interface| match interface.made_for() {
        Some(MadeFor::Endpoint(id)) => !endpoints.contains(&id.as_str()),
        _ => true,
    });
    interfaces
}

/// Waits until nothing but the stack's own NAT gateway has an interface in the VPC, or wears the security
/// group: any other would make the deletion of the stack fail. `going` are VPC endpoints that are being deleted, `holders`
/// what others have there, which does not go.
pub(super) async fn wait_until_gone(
    context: &Context,
    held: Held<'_>,
    going: &[String],
    holders: &[Leftover],
) -> Result<()> {
    let staying: Vec<_> = holders.iter().map(|holder| holder.id.as_str()).collect();
    let patience = |interface: &Interface| patience(interface, going, &staying);
    let mut pace = None;
    let mut waited_for = String::new();
    loop {
        let interfaces = held.interfaces(context).await?;
        let Some(blocking) = worst(&interfaces, patience) else {
            return Ok(());
        };
        if waited_for != blocking.id {
            let text = format!("waiting for {} to go", described(blocking));
            context.events.doing(Step::Requirements, text);
            waited_for.clone_from(&blocking.id);
            pace = Some(Pace::minutes(patience(blocking)));
        }
        let goes_on = match &mut pace {
            Some(pace) => pace.next().await,
            None => false,
        };
        if !goes_on {
            return Err(blocked(context, held, blocking));
        }
    }
}

/// Returns the interface that is the least likely to go by itself.
fn worst(
    interfaces: &[Interface],
    patience: impl Fn(&Interface) -> Duration,
) -> Option<&Interface> {
    interfaces
        .iter()
        .filter(|interface| !interface.is_of_nat)
        .min_by_key(|interface| (patience(interface), &interface.id))
}

fn patience(interface: &Interface, going: &[String], staying: &[&str]) -> Duration {
    // Its description is the end of the load balancer's ARN.
    if let Some(balancer) = interface.description.strip_prefix("ELB ")
        && staying.iter().any(|id| id.ends_with(balancer))
    {
        return Duration::ZERO;
    }
    match interface.made_for() {
        // CloudFormation waits for the end of those that it deletes.
        Some(MadeFor::MountTarget(..) | MadeFor::FileSystem(_)) => return Duration::ZERO,
        Some(MadeFor::Endpoint(endpoint)) if !going.contains(&endpoint) => return FORGOTTEN,
        _ => {}
    }
    if interface.is_managed {
        LINGERING
    } else if interface.instance.is_some() {
        TERMINATING
    } else {
        FORGOTTEN
    }
}

/// Returns the interface, who holds it, and since when.
fn described(interface: &Interface) -> String {
    let holder = match (&interface.instance, &interface.requester) {
        (Some(instance), _) => format!("held by the instance {instance}"),
        (None, Some(requester)) => format!("held by {requester}"),
        (None, None) if interface.is_managed => "held by a service of AWS".to_owned(),
        (None, None) => "held by nobody".to_owned(),
    };
    let since = match &interface.since {
        Some(since) => format!(" since {since}"),
        None => String::new(),
    };
    let description = match interface.description.as_str() {
        "" => String::new(),
        description => format!(" ({description})"),
    };
    format!(
        "the network interface `{}`{description}, {holder}{since},",
        interface.id
    )
}

fn blocked(context: &Context, held: Held<'_>, interface: &Interface) -> Error {
    let aws = AwsCommands::new(context);
    let error = Error::failed(format!(
        "{} keeps `{}` from being deleted",
        described(interface),
        held.id()
    ));
    match &interface.instance {
        _ if interface.is_managed && interface.made_for().is_some() => {
            let made_for = interface.made_for();
            made_for.iter().fold(error, |error, made_for| {
                let (what, command) = (consequence(made_for), aws.remove_made_for(made_for));
                error.hint(format!("{what}: {command}"))
            })
        }
        _ if interface.is_managed => error.hint(
            "it goes with what it belongs to: delete that, or wait, when it is being deleted",
        ),
        Some(instance) if interface.attachment.is_none() => error.hint(format!(
            "if the instance may go: {}",
            aws.terminate(instance)
        )),
        _ => error.hint(format!(
            "if nobody needs it: {}",
            aws.remove_interface(&interface.id, interface.attachment.as_deref())
        )),
    }
}

/// Returns when somebody may delete what an interface was made for.
fn consequence(made_for: &MadeFor) -> String {
    match made_for {
        MadeFor::Endpoint(_) => "if nobody needs the endpoint".to_owned(),
        MadeFor::MountTarget(_, file_system) => {
            format!("the files of `{file_system}` stay without this mount target")
        }
        MadeFor::FileSystem(file_system) => {
            format!("if nobody needs `{file_system}` and the files in it any more")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(id: &str) -> Interface {
        Interface {
            id: id.to_owned(),
            ..Interface::default()
        }
    }

    #[test]
    fn what_will_not_go_by_itself_is_named_first() {
        let of_balancer = Interface {
            is_managed: true,
            ..interface("eni-1")
        };
        let of_instance = Interface {
            instance: Some("i-1".to_owned()),
            ..interface("eni-2")
        };
        let of_nat = Interface {
            is_of_nat: true,
            ..interface("eni-0")
        };
        let all = [of_balancer, of_nat.clone(), interface("eni-3"), of_instance];
        let worst = |all| super::worst(all, |one| patience(one, &[], &[]));
        assert_eq!(worst(&all).unwrap().id, "eni-3");
        assert_eq!(worst(&all[..2]).unwrap().id, "eni-1");
        assert_eq!(worst(&[of_nat]), None);
    }

    #[test]
    fn an_endpoint_that_is_being_deleted_is_waited_for_and_another_is_not() {
        let of_endpoint = Interface {
            description: "VPC Endpoint Interface vpce-1".to_owned(),
            is_managed: true,
            ..interface("eni-1")
        };
        assert_eq!(patience(&of_endpoint, &[], &[]), FORGOTTEN);
        let going = ["vpce-1".to_owned()];
        assert_eq!(patience(&of_endpoint, &going, &[]), LINGERING);
    }

    #[test]
    fn the_endpoints_of_the_stack_are_not_waited_for_and_those_of_others_are() {
        let of = |id: &str, endpoint: &str| Interface {
            description: format!("VPC Endpoint Interface {endpoint}"),
            is_managed: true,
            ..interface(id)
        };
        let all = vec![
            of("eni-1", "vpce-1"),
            of("eni-2", "vpce-2"),
            interface("eni-3"),
        ];
        let left = without_endpoints(all, &["vpce-1"]);
        let left: Vec<_> = left.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(left, ["eni-2", "eni-3"]);
    }

    #[test]
    fn the_load_balancer_of_somebody_else_is_not_waited_for() {
        let of_balancer = Interface {
            description: "ELB app/theirs/0123456789abcdef".to_owned(),
            is_managed: true,
            ..interface("eni-1")
        };
        assert_eq!(patience(&of_balancer, &[], &[]), LINGERING);
        let theirs =
            "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/theirs/0123456789abcdef";
        assert_eq!(patience(&of_balancer, &[], &[theirs]), Duration::ZERO);
    }

    #[test]
    fn who_holds_it_and_since_when_is_said() {
        let of_balancer = Interface {
            description: "ELB app/mine".to_owned(),
            requester: Some("amazon-elb".to_owned()),
            since: Some("2026-11-23T12:00:00Z".to_owned()),
            is_managed: true,
            ..interface("eni-1")
        };
        assert_eq!(
            described(&of_balancer),
            "the network interface `eni-1` (ELB app/mine), held by amazon-elb since \
             2026-11-23T12:00:00Z,"
        );
        assert_eq!(
            described(&interface("eni-2")),
            "the network interface `eni-2`, held by nobody,"
        );
    }
}
