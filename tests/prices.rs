//! The program that makes the table of prices, on small price lists and catalogs in the form of the
//! real ones.

use std::path::Path;
use std::process::Command;

/// Returns the lines of the table that it makes.
fn table(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("python3")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["-B", "scripts/prices.py", "--output", "-"])
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn require(table: &[String], lines: &[&str]) {
    for line in lines {
        assert!(table.iter().any(|it| it == line), "no {line} in {table:#?}");
    }
}

/// Dedicated and reserved instances, other systems, local zones, traffic, idle addresses and the
/// free step of a scale are in the lists, too.
#[test]
fn price_lists_of_aws_become_a_table() {
    let table = table(&["--from", "tests/prices/lists"]);
    require(
        &table,
        &[
            "# date 2026-11-20",
            "name,us-east-1,eu-west-1",
            "m5.large,0.1,0.11",
            "nat-gateway,0.045,0.0495",
            "public-address,0.005,0.0055",
            "interface-endpoint,0.01,0.011",
            "application-load-balancer,0.0225,0.02475",
            "network-load-balancer,0.0226,0.02486",
            "volume:gp3,0.08,0.088",
            "volume:io1,0.125,0.1375",
            "volume:standard,0.05,0.055",
            "snapshot,0.05,0.055",
            "table,0.25,",
            // Typed, as no list has it.
            "hosted-zone,0.5,",
        ],
    );
    assert!(!table.iter().any(|line| line.starts_with("t3.micro,")));
    let position = |name| table.iter().position(|line| line.starts_with(name));
    assert!(position("c5.2xlarge,") < position("c5.12xlarge,"));
}

#[test]
fn catalogs_become_a_table_without_the_prices_of_dedicated_instances() {
    let table = table(&[
        "--from-catalogs",
        "--karpenter",
        "tests/prices/catalogs/karpenter.go",
        "--libcloud",
        "tests/prices/catalogs/pricing.json",
    ]);
    require(
        &table,
        &[
            "# date 2026-07-20",
            "name,us-east-1,eu-west-1,us-gov-west-1",
            // The catalog has that of a dedicated one, and another price of GovCloud.
            "c5.large,0.085,0.0935,0.102",
            "c5.xlarge,0.17,0.187,",
            // The catalog has none.
            "c5.2xlarge,0.34,0.374,",
            // No two sizes agree.
            "m5.large,0.096,,",
            // Cheaper since the catalog was made.
            "p5.48xlarge,60,,",
            // Not in us-east-1.
            "hpc7a.96xlarge,,7.7252,",
            "nat-gateway,0.045,,",
        ],
    );
}

#[test]
fn a_folder_without_price_lists_is_an_error_in_words() {
    let output = Command::new("python3")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["-B", "scripts/prices.py", "--from", "tests/prices/catalogs"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: tests/prices/catalogs has no AmazonEC2/current/region_index.json\n"
    );
}
