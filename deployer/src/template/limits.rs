//! CloudFormation's limits ("AWS CloudFormation quotas" in the user guide).

use crate::project::Problem;

use super::merge::Sections;

/// By upload to S3; 51,200 bytes fit into the call itself.
const MOST_BYTES: usize = 1_000_000;

const MOST: [(&str, usize); 4] =
    [("Parameters", 200), ("Mappings", 200), ("Resources", 500), ("Outputs", 200)];

/// Checks the template's size.
pub fn check(body: &str, sections: &Sections, problems: &mut Vec<Problem>) {
    if body.len() > MOST_BYTES {
        let message = format!("the template has {} bytes; CloudFormation takes {MOST_BYTES}", body.len());
        problems.push(Problem::new("template-size", message));
    }
    for (section, most) in MOST {
        let count = sections.count(section);
        if count > most {
            let message = format!("the template has {count} {section}; CloudFormation takes {most}");
            let problem = Problem::new("template-size", message);
            let last = sections.section(section).last().map(|(_, item)| item.place());
            problems.push(Problem { place: last, ..problem });
        }
    }
}
