//! The story on a terminal: a block of lines, one for each step, that is drawn in place.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use crate::event::Event;

use super::course::Course;
use super::plain::told;
use super::rows::{Colours, Room, last_lines, lines};
use super::story::Teller;
use super::volume::Volume;

/// How often the block is drawn at most, in a second.
const DRAWN: u8 = 20;

/// How often it is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// Returns how much room there is on the terminal.
type Size = Arc<dyn Fn() -> Room + Send + Sync>;

/// The lines of the steps.
pub(super) struct Moving {
    volume: Volume,
    course: Arc<Mutex<Course>>,
    size: Size,
    block: ProgressBar,
    /// Clears what stands below the cursor.
    clear_below: fn(),
}

impl Moving {
    pub(super) fn new(volume: Volume) -> Self {
        let terminal = Term::buffered_stderr();
        let drawn = terminal.clone();
        let size = move || {
            let (rows, columns) = terminal.size();
            Room {
                // The cursor waits in the last one.
                rows: usize::from(rows).saturating_sub(1),
                columns: usize::from(columns),
                colours: Colours::of_stderr(),
            }
        };
        let mut moving = Moving::on(drawn, Arc::new(size), volume);
        moving.clear_below = || {
            // Without it the last words stand somewhat lower.
            let _ = Term::stderr().clear_to_end_of_screen();
        };
        moving
    }

    fn on(terminal: impl TermLike + 'static, size: Size, volume: Volume) -> Self {
        let terminal = Box::new(CursorBelow::new(terminal));
        let target = ProgressDrawTarget::term_like_with_hz(terminal, DRAWN);
        let course = Arc::new(Mutex::new(Course::new(Instant::now())));
        let (shown, room) = (Arc::clone(&course), Arc::clone(&size));
        let draw = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let lines = lines(&locked(&shown), Instant::now(), room());
            // A drawing that fails is followed by the next one.
            let _ = text.write_str(&lines.join("\n"));
        };
        let style = ProgressStyle::with_template("{lines}").expect("a template of ours");
        let block = ProgressBar::with_draw_target(None, target);
        block.set_style(style.with_key("lines", draw));
        block.enable_steady_tick(TICK);
        Moving {
            volume,
            course,
            size,
            block,
            clear_below: || {},
        }
    }

    /// Prints lines above the block.
    fn print(&self, text: &str) {
        self.block.println(told(text));
    }
}

fn locked(course: &Mutex<Course>) -> MutexGuard<'_, Course> {
    course.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Teller for Moving {
    fn tell(&mut self, event: Event) {
        let goes_on = matches!(
            event,
            Event::Progress(_) | Event::Warning(_) | Event::Settled(_)
        );
        if self.volume < Volume::Steps && !goes_on {
            return;
        }
        let change = locked(&self.course).take(&event, Instant::now());
        if let Some(line) = self.volume.detail(&event, change) {
            self.print(&line);
        }
        match event {
            // Who is asked a question next has the screen for himself at once.
            Event::Outlined(_) | Event::Settled(_) => self.block.force_draw(),
            Event::Note(text) => self.print(&text),
            Event::Warning(text) => self.print(&format!("warning: {text}")),
            _ => {}
        }
    }

    fn pass(&mut self) {}

    fn end(self: Box<Self>) {
        let lines = last_lines(&locked(&self.course), Instant::now(), (self.size)());
        self.block.finish_and_clear();
        // An echoed `^C` stood below the block.
        (self.clear_below)();
        if !lines.is_empty() {
            self.block.println(lines.join("\n"));
        }
    }
}

/// A terminal whose cursor waits below what was drawn. At the end of the last line, where
/// indicatif leaves it, an echoed `^C` would begin a new line, and the next drawing would miss
/// the old one by that line.
#[derive(Debug)]
struct CursorBelow<T> {
    terminal: T,
    has_drawn: AtomicBool,
    is_below: AtomicBool,
}

impl<T: TermLike> CursorBelow<T> {
    fn new(terminal: T) -> Self {
        CursorBelow {
            terminal,
            has_drawn: AtomicBool::new(false),
            is_below: AtomicBool::new(false),
        }
    }

    /// Goes back to the last line that moves.
    fn back(&self) -> io::Result<()> {
        match self.is_below.swap(false, Ordering::Relaxed) {
            true => self.terminal.move_cursor_up(1),
            false => Ok(()),
        }
    }
}

impl<T: TermLike> TermLike for CursorBelow<T> {
    fn width(&self) -> u16 {
        self.terminal.width()
    }

    fn height(&self) -> u16 {
        self.terminal.height().saturating_sub(1)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        // With nothing to clear, what is written next stands below what was printed.
        if lines == 0 {
            return Ok(());
        }
        self.back()?;
        self.terminal.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.back()?;
        self.terminal.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.is_below.store(false, Ordering::Relaxed);
        self.terminal.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.is_below.store(false, Ordering::Relaxed);
        if !text.is_empty() {
            self.has_drawn.store(true, Ordering::Relaxed);
        }
        self.terminal.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.back()?;
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        if self.has_drawn.swap(false, Ordering::Relaxed) {
            self.terminal.write_str("\n")?;
            self.is_below.store(true, Ordering::Relaxed);
        }
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Outcome, Outline, Times};
    use crate::step::{Aim, Step};

    use super::*;

    /// A terminal in memory.
    #[derive(Clone)]
    struct Shown {
        screen: Arc<Mutex<vt100::Parser>>,
        rows: u16,
        columns: u16,
    }

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Shown")
        }
    }

    impl Shown {
        fn new(rows: u16, columns: u16) -> Shown {
            Shown {
                screen: Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0))),
                rows,
                columns,
            }
        }

        fn write(&self, text: &str) -> io::Result<()> {
            self.screen.lock().unwrap().process(text.as_bytes());
            Ok(())
        }

        fn lines(&self) -> Vec<String> {
            let screen = self.screen.lock().unwrap();
            let rows = screen.screen().rows(0, self.columns);
            let mut lines: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            lines
        }
    }

    impl TermLike for Shown {
        fn width(&self) -> u16 {
            self.columns
        }

        fn height(&self) -> u16 {
            self.rows
        }

        fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
            self.write(&format!("\x1b[{lines}A"))
        }

        fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
            self.write(&format!("\x1b[{lines}B"))
        }

        fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
            self.write(&format!("\x1b[{columns}C"))
        }

        fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
            self.write(&format!("\x1b[{columns}D"))
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\r\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(&text.replace('\n', "\r\n"))
        }

        fn clear_line(&self) -> io::Result<()> {
            self.write("\r\x1b[2K")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_stands_once_and_the_last_words_below_them() {
        for (rows, columns) in [(24, 80), (40, 120), (6, 40)] {
            let shown = Shown::new(rows, columns);
            let room = Room {
                rows: usize::from(rows) - 1,
                columns: usize::from(columns),
                colours: Colours::Off,
            };
            let size = Arc::new(move || room);
            let mut moving = Moving::on(shown.clone(), size, Volume::Steps);
            moving.tell(Event::Note("account 1".to_owned()));
            moving.tell(Event::Outlined(Outline {
                aim: Aim::Make,
                steps: Step::ALL.to_vec(),
                ready: Vec::new(),
                times: Times::Usual,
            }));
            moving.tell(Event::Started(Step::Requirements));
            moving.block.force_draw();
            let made = Duration::from_secs(61);
            moving.tell(Event::Finished(Step::Requirements, Outcome::Made, made));
            moving.tell(Event::Started(Step::Cluster));
            moving.tell(Event::Warning("a node is old".to_owned()));
            moving.block.force_draw();
            let drawn = shown.lines();
            assert!(drawn.len() < usize::from(rows), "{drawn:#?}");
            Box::new(moving).end();
            shown.write("error: it failed\r\n").unwrap();
            let last = [
                "✓ network         ready after 1 min 1 s",
                "… cluster          0:00",
                "error: it failed",
            ];
            let lines = shown.lines();
            let (told, lines) = lines.split_at(lines.len() - last.len());
            assert_eq!(lines, last, "{columns}");
            if rows > 20 {
                assert_eq!(told, ["account 1", "warning: a node is old"]);
            }
        }
    }
}
