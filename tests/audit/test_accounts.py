"""What an audit says of news records and alerts."""

from monitor.audit.accounts import AlertAccount, NewsAccount
from monitor.audit.auditing import Audit
from monitor.records import AlertEvent, Origin, Scored
from monitor.surge.partition import PartitionWatch
from tests.surge.log import feed as fed
from tests.surge.log import mark, plan, record, rule

PLAN = plan(rule("negative_count >= 1", alert="Any", window="1m"))
FIRST, RESOLVED = fed(
    PartitionWatch(0, PLAN), [mark(0), record(0.5, "a story", origin=(0, 0)), mark(9)]
)


def faults(news: NewsAccount, alerts: AlertAccount | None = None, committed: int = 9) -> list[str]:
    return Audit(news.report({0: committed}), alerts or AlertAccount()).faults


class TestNews:
    def test_each_record_is_counted_by_what_became_of_it(self) -> None:
        account = NewsAccount()
        for offset in range(6):
            account.news(Origin(0, offset))
        for offset in (0, 1, 2):
            account.scored(Origin(0, offset))
        account.dead(Origin(0, 3))
        report = account.report({0: 4})
        assert (report.scored, report.dead, report.pending) == (3, 1, 2)
        assert faults(account, committed=4) == []

    def test_a_record_that_was_committed_and_is_nowhere_is_missing(self) -> None:
        account = NewsAccount()
        account.news(Origin(0, 7))
        (fault,) = faults(account)
        assert fault == (
            "1 news records are neither in scored nor in dead-letter, such as partition 0 offset 7"
        )

    def test_a_record_in_both_is_told(self) -> None:
        account = NewsAccount()
        account.news(Origin(2, 5000))
        account.scored(Origin(2, 5000))
        account.dead(Origin(2, 5000))
        assert "in scored and in dead-letter, such as partition 2 offset 5000" in faults(account)[0]

    def test_what_retention_took_is_no_fault(self) -> None:
        account = NewsAccount()
        account.scored(Origin(0, 0))
        account.news(Origin(0, 1))
        account.scored(Origin(0, 1))
        assert account.report({}).gone == 1
        assert faults(account) == []


class TestAlerts:
    def account(self, told: list[AlertEvent]) -> AlertAccount:
        account = AlertAccount()
        account.follows(FIRST, is_due=True)
        account.follows(RESOLVED, is_due=False)
        for event in told:
            account.told(event)
        return account

    def words(self, told: list[AlertEvent], whole: bool = True) -> list[str]:
        account = self.account(told)
        account.whole = whole
        return [fault.split(",")[0] for fault in faults(NewsAccount(), account)]

    def test_what_is_due_was_told_and_what_is_not_may_be(self) -> None:
        assert self.words([FIRST]) == []
        assert self.words([FIRST, RESOLVED]) == []

    def test_one_that_is_due_and_was_not_told(self) -> None:
        assert self.words([]) == ["1 alerts follow from the log and were not told"]

    def test_one_told_twice(self) -> None:
        assert self.words([FIRST, FIRST]) == ["1 alerts were told more than once"]

    def test_one_that_does_not_follow(self) -> None:
        other = fed(PartitionWatch(0, PLAN), [mark(0), record(0.7, "other", origin=(0, 0))])
        assert self.words([FIRST, *other]) == ["1 alerts were told that do not follow from the log"]
        assert self.words([FIRST, *other], whole=False) == []

    def test_one_with_another_content(self) -> None:
        log: list[Scored] = [mark(0), record(0.5, "other words", origin=(0, 0))]
        (other,) = fed(PartitionWatch(0, PLAN), log)
        assert other.id == FIRST.id
        assert self.words([other]) == ["1 alerts were told otherwise than follows from the log"]
