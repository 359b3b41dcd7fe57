//! Two things measured in turn, so that whatever else the machine does meets both alike.

use super::Result;

/// Runs each once unmeasured, then both so many times: ours, theirs, ours, theirs.
pub(crate) fn in_turn<A, B>(
    rounds: usize,
    mut ours: impl FnMut() -> Result<A>,
    mut theirs: impl FnMut() -> Result<B>,
) -> Result<(Vec<A>, Vec<B>)> {
    ours()?;
    theirs()?;
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_ours.push(ours()?);
        of_theirs.push(theirs()?);
    }
    Ok((of_ours, of_theirs))
}
