//! The state table over the wire: every state of a stack x `up` and `down` x every class, compared
//! with what must happen for the exact mutating calls and the exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "states/bed.rs"]
mod bed;
#[path = "states/facts.rs"]
mod facts;
#[path = "states/relay.rs"]
mod relay;
#[path = "states/table.rs"]
mod table;
#[path = "states/walk.rs"]
mod walk;

use bed::{Bed, Command, How};
use deployer::project::Class;
use futures::{StreamExt as _, stream};
use table::UNKNOWN;

const CLASSES: [Class; 3] = [Class::Ephemeral, Class::Development, Class::Production];
/// Cells at work at the same time.
const AT_ONCE: usize = 75;

struct Cell {
    command: Command,
    status: &'static str,
    class: Class,
    expected: &'static str,
    found: String,
}

async fn fill(bed: &Bed, number: usize, mut cell: Cell) -> Cell {
    let stage = bed.stage(&format!("cell-{number}"), cell.class);
    stage.begin_in(cell.status).await;
    if cell.command == Command::Down && cell.class == Class::Production {
        stage.lift().await;
    }
    let pretend = (cell.status == UNKNOWN).then_some(UNKNOWN);
    cell.found = stage.run(cell.command, &How { pretend, ..How::default() }).await;
    cell
}

async fn fill_all(cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    let bed = Bed::new().await;
    let filled: Vec<Cell> = stream::iter(cells.enumerate())
        .map(|(number, cell)| fill(&bed, number, cell))
        .buffered(AT_ONCE)
        .collect()
        .await;
    bed.cloud.stop().await;
    filled
}

fn cell(command: Command, status: &'static str, class: Class, expected: &'static str) -> Cell {
    Cell { command, status, class, expected, found: String::new() }
}

/// What is not as it must be, a line a cell.
fn wrong(cells: &[Cell]) -> Vec<String> {
    cells
        .iter()
        .filter(|cell| cell.found != cell.expected)
        .map(|cell| {
            let Cell { command, status, class, expected, found } = cell;
            format!("{command:?} {status} {class:?}: expected `{expected}`, found `{found}`")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_and_down_do_what_the_table_says_in_every_state_and_class() {
    let rows = table::UP
        .iter()
        .map(|row| (Command::Up, row))
        .chain(table::DOWN.iter().map(|row| (Command::Down, row)));
    let cells = rows.flat_map(|(command, (status, expected))| {
        CLASSES.into_iter().zip(expected).map(move |(class, expected)| cell(command, status, class, expected))
    });
    let cells = fill_all(cells).await;
    println!("{:52}{:34}{:42}production", "", "ephemeral", "development");
    for row in cells.chunks(CLASSES.len()) {
        let [e, d, p] = row else { unreachable!() };
        let name = format!("{:?}", e.command).to_lowercase();
        println!("{name:5}{:47}{:34}{:42}{}", e.status, e.found, d.found, p.found);
    }
    let right = |cells: &mut dyn Iterator<Item = &Cell>| {
        cells.fold((0, 0), |(right, all), cell| (right + usize::from(cell.found == cell.expected), all + 1))
    };
    let (good, all) = right(&mut cells.iter());
    println!("{good}/{all} cells");
    let (good, known) = right(&mut cells.iter().filter(|cell| cell.status != UNKNOWN));
    println!("{good}/{known} cells without the unknown status");
    assert_eq!((all, known), (150, 144));
    assert_eq!(wrong(&cells), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_continues_what_is_wedged_and_touches_nothing_else() {
    let cells = table::ROLLBACK
        .iter()
        .map(|(status, expected)| cell(Command::Rollback, status, Class::Development, expected));
    let cells = fill_all(cells).await;
    for cell in &cells {
        println!("rollback {:47}{}", cell.status, cell.found);
    }
    assert_eq!(wrong(&cells), Vec::<String>::new());
}
