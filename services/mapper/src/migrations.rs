//! The mapper's tables, one file per migration.

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0005;
mod m0006;
mod m0007;
mod m0008;
mod m0009;
mod m0010;
mod m0011;
mod m0020;
mod m0021;
mod m0022;
mod m0023;
mod m0024;
mod m0025;
mod m0027;
mod m0029;
mod m0030;
mod m0031;
mod m0032;
mod m0033;
mod m0034;
mod m0035;
mod m0036;

use sea_orm_migration::prelude::*;

/// Brings the mapper's tables up to date.
pub struct MapperMigrator;

#[async_trait::async_trait]
impl MigratorTrait for MapperMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001::CreateMapperTables),
            Box::new(m0002::KeepManagers),
            Box::new(m0003::KeepPolicies),
            Box::new(m0004::KeepIndirectMembers),
            Box::new(m0005::KeepFeeds),
            Box::new(m0006::KeepSchedule),
            Box::new(m0007::KeepRecords),
            Box::new(m0008::AddMapperOutboxLanes),
            Box::new(m0009::KeepObligations),
            Box::new(m0010::CreateMapperQuarantine),
            Box::new(m0011::KeepOrders),
            Box::new(m0020::KeepVersions),
            Box::new(m0021::KeepVerifications),
            Box::new(m0022::KeepFindings),
            Box::new(m0023::KeepSendersOfFeeds),
            Box::new(m0024::KeepSweeps),
            Box::new(m0025::KeepFeedRows),
            Box::new(m0027::AddMapperGeneration),
            Box::new(m0029::KeepMembershipObligations),
            Box::new(m0030::KeepUnreadParts),
            Box::new(m0031::KeepFormerLogins),
            Box::new(m0032::KeepOtherAccounts),
            Box::new(m0033::KeepUndecidedDepartures),
            Box::new(m0034::KeepLogins),
            Box::new(m0035::KeepRestoredTargets),
            Box::new(m0036::KeepFeedDepartures),
        ]
    }

    fn migration_table_name() -> DynIden {
        "mapper_migrations".into_iden()
    }
}
