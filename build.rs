//! Makes cargo notice a change in the sandbox, which is carried inside the binary.

fn main() {
    println!("cargo::rerun-if-changed=sandbox/hpcapi_sandbox");
}
