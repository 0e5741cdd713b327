//! What a pipeline does to a stage over its life, one line of report a step. A step that fails ends the life.

use deployer::aws;
use deployer::deploy::{Desired, Engine, Error, Outcome, Progress, Upload};
use deployer::project::Class;
use localcloud::cloudformation::StackStatus;

use super::bed::{Bed, yes};

/// Every flow, in the order of a stage's life.
pub async fn all(bed: &Bed) -> Vec<String> {
    let mut report = Vec::new();
    let (engine, mut progress) = bed.engine(false);
    let lived = life(bed, &engine, &mut report).await;
    report.extend(lived.err());
    // Removing an unexecuted change set is tidiness: its failure is a warning and no end.
    while let Ok(told) = progress.try_recv() {
        if let Progress::Warning { text } = told {
            report.push(format!("warning: {}", text.split(':').next().unwrap_or_default()));
        }
    }
    report
}

async fn life(bed: &Bed, engine: &Engine<'_>, report: &mut Vec<String>) -> Result<(), String> {
    let bucket = bed.bucket();
    let made = engine.ensure_bucket("000000000000", false, &yes()).await;
    expect(report, "the bucket is there", made.map(|made| made.is_none()))?;
    let first = bed.uploads("one");
    upload(report, engine, &bucket, &first).await?;
    if bed.class() == Class::Production {
        // What production keeps for good goes only when its first deployment fails.
        let broken = bed.desired(&broken(&bed.template), &first, &[]);
        let up = engine.up(&broken, Some(&bucket), &yes()).await;
        let gone = |status: &aws::StackStatus| *status == aws::StackStatus::RollbackComplete;
        let up = up.map(|up| matches!(&up, Outcome::RolledBack { status, .. } if gone(status)));
        expect(report, "a failed create went back", up)?;
        bed.clear_away().await;
    }
    let desired = bed.desired(&bed.template, &first, &[("team", "shop")]);
    let up = engine.up(&desired, Some(&bucket), &yes()).await;
    expect(report, "created", up.map(|up| matches!(up, Outcome::Deployed { .. })))?;
    if bed.migrates() {
        let migrated = bed.migrate();
        if !migrated.status.success() {
            return Err(format!("not migrated: {}", String::from_utf8_lossy(&migrated.stderr)));
        }
        let told = String::from_utf8_lossy(&migrated.stderr);
        assert!(told.contains("profile_service_pr_7 is the schema"), "{told}");
        report.push("migrated".to_owned());
    }
    let up = engine.unchanged(&desired).await;
    expect(report, "nothing to do", up.map(|up| up.is_some()))?;
    // What is there already is looked for and not sent again.
    upload(report, engine, &bucket, &first).await?;

    let refused = bed.desired(&wrong(&bed.template), &first, &[]);
    let up = engine.up(&refused, Some(&bucket), &yes()).await;
    let told = |reason: &str| reason.contains("MemorySize");
    let up = up.map(|up| matches!(&up, Outcome::Rejected { reason } if told(reason)));
    expect(report, "refused with what early validation found", up)?;

    let second = bed.uploads("two");
    upload(report, engine, &bucket, &second).await?;
    let changed = changed(&bed.template);
    // More than CloudFormation takes inline.
    let large = format!("# {}\n{changed}", "x".repeat(60_000));
    let desired = bed.desired(&large, &second, &[("owner", "shop")]);
    let up = engine.up(&desired, Some(&bucket), &yes()).await;
    expect(report, "updated", up.map(|up| matches!(up, Outcome::Deployed { .. })))?;

    let broken = bed.desired(&broken(&changed), &second, &[("owner", "shop")]);
    recover(bed, engine, report, &broken).await?;
    remove(bed, report).await
}

/// The statuses that only a failure leaves behind, and the calls that only they need.
async fn recover(
    bed: &Bed,
    engine: &Engine<'_>,
    report: &mut Vec<String>,
    broken: &Desired,
) -> Result<(), String> {
    bed.fail_update(broken).await;
    let back = engine.rollback(bed.stack(), &[]).await;
    expect(report, "rolled back", back.map(|back| matches!(back, Outcome::Recovered { .. })))?;
    bed.fail_update(broken).await;
    bed.force(StackStatus::UpdateRollbackFailed);
    let back = engine.rollback(bed.stack(), &[]).await;
    expect(report, "the rollback went on", back.map(|back| matches!(back, Outcome::Recovered { .. })))
}

/// `down`, which is the administrator's in production.
async fn remove(bed: &Bed, report: &mut Vec<String>) -> Result<(), String> {
    bed.lift_protection().await;
    bed.force(StackStatus::UpdateInProgress);
    let (engine, _progress) = bed.engine(true);
    let down = engine.down(&bed.removal(), &yes()).await;
    expect(report, "deleted", down.map(|down| matches!(down, Outcome::Deleted { .. })))
}

async fn upload(
    report: &mut Vec<String>,
    engine: &Engine<'_>,
    bucket: &str,
    uploads: &[Upload],
) -> Result<(), String> {
    let sent = engine.upload(bucket, uploads.to_vec()).await;
    expect(report, "uploaded", sent.map(|_| true))
}

fn expect(report: &mut Vec<String>, step: &str, went: Result<bool, Error>) -> Result<(), String> {
    match went {
        Ok(true) => {
            report.push(step.to_owned());
            Ok(())
        }
        Ok(false) => Err(format!("not: {step}")),
        Err(Error::Aws { doing, .. }) => Err(format!("could not {doing}")),
    }
}

/// A property of a wrong type: found by early validation, before anything runs.
fn wrong(template: &str) -> String {
    let line = template.lines().find(|line| line.contains("MemorySize:")).unwrap();
    let key = line.split(':').next().unwrap();
    template.replacen(line, &format!("{key}: much"), 1)
}

/// A log group that is there already, made when all else is done.
fn broken(template: &str) -> String {
    let name = template.lines().find_map(|line| line.trim().strip_prefix("LogGroupName:")).unwrap();
    let clash =
        format!("  Clash:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName:{name}\n");
    let outputs = template.find("\nOutputs:\n").unwrap();
    format!("{}\n{clash}{}", &template[..outputs], &template[outputs + 1..])
}

/// A change of every resource that can change in place.
fn changed(template: &str) -> String {
    let edits = [
        ("MaxAge: 3600", "MaxAge: 1800"),
        ("RequireSymbols: true", "RequireSymbols: false"),
        ("RefreshToken: days", "RefreshToken: hours"),
        ("RefreshTokenValidity: 30", "RefreshTokenValidity: 48"),
    ];
    let mut changed = template.to_owned();
    for (from, to) in edits {
        assert!(changed.contains(from), "{from}");
        changed = changed.replace(from, to);
    }
    changed
}
