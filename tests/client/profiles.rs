//! Profiles that are not there, and those that ask for what only the AWS CLI does: they are named with
//! what to type.

use crate::command::User;

const CONFIG: &str = "\
    [profile login]\n\
    login_session = arn:aws:iam::123456789012:user/me\n\
    [profile role]\n\
    role_arn = arn:aws:iam::123456789012:role/admin\n\
    source_profile = with-mfa\n\
    [profile with-mfa]\n\
    role_arn = arn:aws:iam::123456789012:role/other\n\
    mfa_serial = arn:aws:iam::123456789012:mfa/me\n\
    source_profile = base\n\
    [profile base]\n\
    output = json\n";

#[test]
fn a_profile_that_hpcapi_cannot_follow_is_told_with_what_the_aws_cli_does() {
    for (profile, what) in [
        (
            "login",
            "takes its credentials from a session of `aws login`",
        ),
        ("role", "wants a code of an MFA device"),
        ("with-mfa", "wants a code of an MFA device"),
    ] {
        for is_named in [true, false] {
            let user = User::new().set("AWS_EC2_METADATA_DISABLED", "true");
            user.write("config", CONFIG);
            let file = user.home().join("config");
            let user = user.set("AWS_CONFIG_FILE", file.to_str().unwrap());
            let region = ["status", "--region", "us-east-1"];
            let outcome = match is_named {
                true => user.run("", &[&region[..], &["--profile", profile]].concat()),
                false => user.set("AWS_PROFILE", profile).run("", &region),
            };
            assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
            for words in [
                &format!("the profile `{profile}` {what}"),
                &format!("aws configure export-credentials --profile {profile} --format env"),
            ] {
                assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
            }
        }
    }
}

#[test]
fn a_profile_that_only_lacks_credentials_is_told_to_give_some() {
    let user = User::new().set("AWS_EC2_METADATA_DISABLED", "true");
    user.write("config", CONFIG);
    let file = user.home().join("config");
    let user = user.set("AWS_CONFIG_FILE", file.to_str().unwrap());
    let base = ["status", "--region", "us-east-1", "--profile", "base"];
    let outcome = user.run("", &base);
    assert!(
        outcome.stderr.contains("give AWS credentials"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_profile_that_is_not_there_is_named_with_those_that_are() {
    for region in [&[][..], &["--region", "us-east-1"]] {
        for is_named in [true, false] {
            let user = User::new().set("AWS_EC2_METADATA_DISABLED", "true");
            user.write("config", CONFIG);
            let file = user.home().join("config");
            let user = user.set("AWS_CONFIG_FILE", file.to_str().unwrap());
            let status = [&["status"], region].concat();
            let outcome = match is_named {
                true => user.run("", &[&status[..], &["--profile", "nope"]].concat()),
                false => user.set("AWS_PROFILE", "nope").run("", &status),
            };
            assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
            assert_eq!(
                outcome.stderr,
                "error: there is no profile `nope` in the AWS configuration\n  \
                 next: there are base, login, role, with-mfa; for example: --profile base\n",
                "{status:?} {is_named}"
            );
        }
    }
}

#[test]
fn no_profile_is_missed_where_nobody_names_one() {
    for profile in ["", "default"] {
        let user = User::new().set("AWS_EC2_METADATA_DISABLED", "true");
        let outcome = user.set("AWS_PROFILE", profile).run("", &["status"]);
        let words = &outcome.stderr;
        assert!(
            words.starts_with("error: no AWS region is set\n"),
            "{words}"
        );
    }
}
