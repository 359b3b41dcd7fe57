//! The address range of a network that hpcapi makes, and the subnets that it is divided into.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The shortest prefix of a VPC (Amazon VPC user guide, "VPC CIDR blocks").
const LARGEST: u8 = 16;

/// The longest prefix with which there is room for load balancer and compute nodes in both private
/// subnets.
const SMALLEST: u8 = 22;

/// The longest prefix of a subnet (Amazon VPC user guide, "Subnet CIDR blocks").
const SMALLEST_SUBNET: u8 = 28;

/// So many addresses of each subnet EC2 keeps for itself (Amazon VPC user guide, "Subnet sizing").
const RESERVED: u64 = 5;

/// The ranges that are nobody's on the internet (RFC 1918 and RFC 6598), by first address and prefix.
const PRIVATE: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
];

/// A range of IPv4 addresses, as a network or a subnet has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: u32,
    /// The length of the prefix.
    length: u8,
}

impl Default for AddressRange {
    /// Returns the range of a network of which nothing else is said.
    fn default() -> Self {
        AddressRange {
            first: u32::from(Ipv4Addr::new(10, 0, 0, 0)),
            length: LARGEST,
        }
    }
}

impl AddressRange {
    /// Returns the subnets of a network with this range: the public one, and the private one in each of
    /// the two zones.
    pub fn subnets(self) -> [AddressRange; 3] {
        let length = self.length + 4;
        let private = |number: u32| AddressRange {
            first: self.first + number * (1 << (32 - length)),
            length,
        };
        let public = AddressRange {
            first: self.first,
            length: (self.length + 8).min(SMALLEST_SUBNET),
        };
        [public, private(1), private(2)]
    }

    /// Returns how many addresses a subnet of this range has for what is put into it.
    pub fn free(self) -> u64 {
        (1_u64 << (32 - self.length)).saturating_sub(RESERVED)
    }

    /// Returns whether all of it lies in the range of this first address and prefix.
    fn is_in(self, (first, length): (Ipv4Addr, u8)) -> bool {
        self.length >= length && prefix(self.first, length) == u32::from(first)
    }
}

/// Returns the first address of the range of this prefix in which an address is.
fn prefix(address: u32, length: u8) -> u32 {
    let rest = u32::MAX.checked_shr(u32::from(length)).unwrap_or_default();
    address & !rest
}

/// Reads the range of a network; what is wrong with it is told at once.
impl FromStr for AddressRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (address, length) = text.split_once('/')?;
            let (address, length): (Ipv4Addr, u8) = (address.parse().ok()?, length.parse().ok()?);
            // As it would be written: without a sign, or zeros in front.
            let is_plain = length <= 32 && format!("{address}/{length}") == text;
            is_plain.then_some((u32::from(address), length))
        };
        let Some((address, length)) = read() else {
            return Err(
                Error::usage(format!("`{text}` is no range of IPv4 addresses"))
                    .hint("for example: 10.20.0.0/16"),
            );
        };
        let range = AddressRange {
            first: prefix(address, length),
            length,
        };
        let mut faults = Vec::new();
        if range.first != address {
            faults.push(format!(
                "it begins in the middle of a range, where {range} is the whole one"
            ));
        }
        if !(LARGEST..=SMALLEST).contains(&length) {
            faults.push(format!(
                "a network has a range from /{LARGEST} to /{SMALLEST}"
            ));
        }
        if !PRIVATE.into_iter().any(|private| range.is_in(private)) {
            let private = PRIVATE.map(|(first, length)| format!("{first}/{length}"));
            faults.push(format!("it is not in one of {}", private.join(", ")));
        }
        match faults.as_slice() {
            [] => Ok(range),
            faults => Err(Error::usage(format!(
                "`{text}` cannot be the range of a network: {}",
                faults.join("; ")
            ))),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    fn subnets(text: &str) -> [String; 3] {
        range(text).subnets().map(|subnet| subnet.to_string())
    }

    #[test]
    fn the_subnets_have_the_same_shares_of_every_range() {
        assert_eq!(
            subnets("10.0.0.0/16"),
            ["10.0.0.0/24", "10.0.16.0/20", "10.0.32.0/20"]
        );
        assert_eq!(
            subnets("172.31.64.0/20"),
            ["172.31.64.0/28", "172.31.65.0/24", "172.31.66.0/24"]
        );
        // No subnet is smaller than EC2 takes it, and none overlaps another.
        assert_eq!(
            subnets("100.127.252.0/22"),
            [
                "100.127.252.0/28",
                "100.127.252.64/26",
                "100.127.252.128/26"
            ]
        );
        assert_eq!(
            range("10.0.0.0/16").subnets().map(AddressRange::free)[1],
            4091
        );
        assert_eq!(
            range("10.0.0.0/22").subnets().map(AddressRange::free),
            [11, 59, 59]
        );
    }

    #[test]
    fn every_size_and_every_private_range_is_taken() {
        for length in LARGEST..=SMALLEST {
            for (first, _) in PRIVATE {
                let text = format!("{first}/{length}");
                assert_eq!(range(&text).to_string(), text);
            }
        }
        assert_eq!(AddressRange::default(), range("10.0.0.0/16"));
    }

    #[test]
    fn what_cannot_be_the_range_of_a_network_is_told_why() {
        let told = |text: &str| text.parse::<AddressRange>().unwrap_err().to_string();
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+16",
            "10.0.0.0/016",
            "10.0.0/16",
            "10.0.0.0/16 ",
            "fd00::/16",
        ] {
            assert_eq!(
                told(text),
                format!("`{text}` is no range of IPv4 addresses")
            );
        }
        for (text, faults) in [
            (
                "10.20.1.0/16",
                &["in the middle of a range, where 10.20.0.0/16 is the whole one"][..],
            ),
            ("10.0.0.0/15", &["from /16 to /22"]),
            ("10.0.0.0/23", &["from /16 to /22"]),
            (
                "172.32.0.0/16",
                &["it is not in one of 10.0.0.0/8, 172.16.0.0/12"],
            ),
            ("100.128.0.0/16", &["192.168.0.0/16, 100.64.0.0/10"]),
            ("192.0.0.0/8", &["from /16 to /22", "it is not in one of"]),
            (
                "8.8.8.8/0",
                &["0.0.0.0/0 is the whole", "from /16", "not in one of"],
            ),
        ] {
            let told = told(text);
            for fault in faults {
                assert!(told.contains(fault), "{text}: {told}");
            }
            assert_eq!(told.matches("; ").count(), faults.len() - 1, "{told}");
        }
    }
}
