//! Where the columns of a table stand: all that there are in a pipe, and on a terminal those for
//! which there is room.

/// Between two columns.
const GAP: usize = 2;

/// The columns of a table, and what becomes of them where there is little room.
#[derive(Debug, Default)]
pub(super) struct Columns {
    heading: Vec<&'static str>,
    /// Which of them end at the right.
    numbers: Vec<usize>,
    /// Which may be made shorter, the first of them first, and how short.
    shortened: Vec<(usize, usize)>,
    /// Which may be left out, the first of them first.
    left_out: Vec<usize>,
}

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) width: usize,
    pub(super) is_shown: bool,
    /// Whether cells that are wider are cut off.
    pub(super) is_cut: bool,
    pub(super) is_number: bool,
}

impl Columns {
    pub(super) fn new(heading: &[&'static str]) -> Columns {
        Columns {
            heading: heading.to_vec(),
            ..Columns::default()
        }
    }

    pub(super) fn set_numbers(&mut self, names: &[&'static str]) {
        self.numbers = self.found(names);
    }

    pub(super) fn set_shortened(&mut self, least: &[(&'static str, usize)]) {
        let found = |(name, least): &(&str, usize)| Some((self.at(name)?, *least));
        self.shortened = least.iter().filter_map(found).collect();
    }

    pub(super) fn set_left_out(&mut self, names: &[&'static str]) {
        self.left_out = self.found(names);
    }

    pub(super) fn heading(&self) -> &[&'static str] {
        &self.heading
    }

    /// Returns the places of columns that want to be so wide, in `room` if there is a limit. What
    /// still does not fit when all is done that may be done is for the line to be cut off.
    pub(super) fn places(&self, widths: &[usize], room: Option<usize>) -> Vec<Place> {
        let Some(room) = room else {
            return self.without(widths, 0);
        };
        let mut places = Vec::new();
        for count in 0..=self.left_out.len() {
            places = self.without(widths, count);
            for (at, least) in &self.shortened {
                let excess = total(&places).saturating_sub(room);
                let place = &mut places[*at];
                let least = (*least).max(self.heading[*at].len());
                let width = place.width.saturating_sub(excess).max(least);
                if width < place.width {
                    (place.width, place.is_cut) = (width, true);
                }
            }
            if total(&places) <= room {
                break;
            }
        }
        places
    }

    /// Returns the places without the first so many of the columns that may be left out.
    fn without(&self, widths: &[usize], count: usize) -> Vec<Place> {
        let place = |(at, width): (usize, &usize)| Place {
            width: *width,
            is_shown: !self.left_out[..count].contains(&at),
            is_cut: false,
            is_number: self.numbers.contains(&at),
        };
        widths.iter().enumerate().map(place).collect()
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.heading.iter().position(|own| *own == name)
    }

    fn found(&self, names: &[&'static str]) -> Vec<usize> {
        names.iter().filter_map(|name| self.at(name)).collect()
    }
}

fn total(places: &[Place]) -> usize {
    let shown = places.iter().filter(|place| place.is_shown);
    let total: usize = shown.map(|place| place.width + GAP).sum();
    total.saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(room: Option<usize>) -> Vec<(&'static str, usize, bool)> {
        let mut columns = Columns::new(&["JOB", "NAME", "USER", "TIME", "WHY"]);
        columns.set_shortened(&[("NAME", 8), ("WHY", 10)]);
        columns.set_left_out(&["TIME", "USER"]);
        let places = columns.places(&[4, 20, 8, 6, 30], room);
        let all = places.into_iter().zip(columns.heading());
        all.filter(|(place, _)| place.is_shown)
            .map(|(place, name)| (*name, place.width, place.is_cut))
            .collect()
    }

    #[test]
    fn all_columns_stand_in_a_pipe_and_where_there_is_room() {
        for room in [None, Some(76), Some(200)] {
            let widths: Vec<_> = shown(room).iter().map(|column| column.1).collect();
            assert_eq!(widths, [4, 20, 8, 6, 30], "{room:?}");
        }
    }

    #[test]
    fn cells_are_made_shorter_before_a_column_goes() {
        let names = |room| {
            let shown = shown(Some(room)).into_iter();
            shown.map(|column| column.0).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(Some(70))[1], ("NAME", 14, true));
        assert_eq!(shown(Some(70))[4], ("WHY", 30, false));
        assert_eq!(shown(Some(60))[4], ("WHY", 26, true));
        assert_eq!(names(44), "JOB NAME USER TIME WHY");
        assert_eq!(names(43), "JOB NAME USER WHY");
        assert_eq!(names(35), "JOB NAME WHY");
        assert_eq!(names(10), "JOB NAME WHY");
    }
}
