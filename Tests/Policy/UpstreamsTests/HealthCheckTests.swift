import Clock
import Settings
import Testing
import Upstreams

@Suite struct HealthCheckTests {
    private static func settings(rise: Int = 2, fall: Int = 3) -> CheckSettings {
        var settings = CheckSettings(.connection)
        settings.interval = .seconds(10)
        settings.timeout = .seconds(3)
        settings.rise = rise
        settings.fall = fall
        return settings
    }

    private static func check(
        rise: Int = 2, fall: Int = 3, isUp: Bool? = nil, randomness: Double = 0
    ) -> HealthCheck {
        HealthCheck(
            settings(rise: rise, fall: fall), isUp: isUp, now: .seconds(100),
            randomness: randomness)
    }

    /// What a row of checks comes to: `+` passed, `-` failed; `U` came up, `D` went down, `.`
    /// nothing new.
    static let rows: [(rise: Int, fall: Int, isUp: Bool?, checks: String, changes: String)] = [
        // The first decides alone; that it passed is nothing new.
        (2, 3, nil, "+", "."), (2, 3, nil, "-", "D"), (2, 3, nil, "-++", "D.U"),
        (2, 3, nil, "+---", "...D"),
        // What is known from before has to be outweighed.
        (2, 3, true, "---", "..D"), (2, 3, false, "++", ".U"), (2, 3, false, "--", ".."),
        // A row is broken by one that says otherwise.
        (2, 3, true, "--+--+---", "........D"), (2, 3, false, "+-+-++", ".....U"),
        (1, 1, true, "-+-+", "DUDU"), (1, 3, true, "---+---", "..DU..D"),
        (3, 2, true, "--+++--", ".D..U.D"),
    ]

    @Test(arguments: rows) func `checks in a row decide`(
        row: (rise: Int, fall: Int, isUp: Bool?, checks: String, changes: String)
    ) {
        var check = Self.check(rise: row.rise, fall: row.fall, isUp: row.isUp)
        var changes = ""
        for one in row.checks {
            _ = check.began(at: .seconds(100), randomness: 0)
            switch check.ended(passed: one == "+") {
            case .up: changes += "U"
            case .down(let failures):
                #expect(failures == (row.isUp == nil && changes.isEmpty ? 1 : row.fall))
                changes += "D"
            case nil: changes += "."
            }
        }
        #expect(changes == row.changes)
    }

    @Test func `the first check comes within a second, at some moment`() {
        #expect(Self.check(randomness: 0).due == .seconds(100))
        #expect(Self.check(randomness: 0.5).due == .seconds(100) + .milliseconds(500))
        #expect(Self.check(randomness: 1).due == .seconds(101))
    }

    @Test func `an interval is up to a tenth shorter, counted from the beginning`() {
        var check = Self.check()
        #expect(check.began(at: .seconds(100), randomness: 0) == .seconds(103), "the timeout")
        #expect(check.due == nil, "one at a time")
        _ = check.ended(passed: true)
        #expect(check.due == .seconds(110))
        _ = check.began(at: .seconds(110), randomness: 1)
        check.abandoned()
        #expect(check.due == .seconds(119))
        #expect(check.isUp == true, "one that found out nothing changes nothing")
    }

    @Test func `a reload keeps what is known, and a shorter interval begins at once`() {
        var check = Self.check(isUp: false)
        _ = check.began(at: .seconds(100), randomness: 0)
        _ = check.ended(passed: true)
        var settings = Self.settings()
        settings.interval = .seconds(1)
        check.adopt(settings, now: .seconds(102))
        #expect(check.due == .seconds(103))
        _ = check.began(at: .seconds(103), randomness: 0)
        #expect(check.ended(passed: true) == .up, "the check before counts")
        check.adopt(settings, now: .seconds(103))
        #expect(check.due == .seconds(104), "the same settings put nothing off")
    }

    /// Worst cases of a server that dies right after a check passed.
    @Test func `with the defaults a dead server is noticed within 15 s`() {
        for timeToFail in [Duration.zero, CheckSettings(.connection).timeout] {
            let settings = CheckSettings(.connection)
            var check = HealthCheck(settings, isUp: true, now: .zero, randomness: 0)
            _ = check.began(at: .zero, randomness: 0)
            _ = check.ended(passed: true)
            var now = Instant.zero
            while check.isUp == true {
                now = check.due ?? now
                _ = check.began(at: now, randomness: 0)
                now = now + timeToFail
                _ = check.ended(passed: false)
            }
            #expect(now <= .seconds(15))
        }
    }
}
