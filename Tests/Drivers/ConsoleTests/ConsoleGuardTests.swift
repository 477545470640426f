import Clock
import Crypto
import Endings
import HTTP
import HTTP1
import Settings
import Testing
import Transport

@testable import Console

@Suite struct ConsoleGuardTests {
    private static let here = SocketAddress.ip4(octets: [127, 0, 0, 1], port: 5)
    private static let there = SocketAddress.ip4(octets: [10, 0, 0, 1], port: 5)

    private func consoleGuard(_ token: String = "a=+/b") throws -> ConsoleGuard {
        var consoleGuard = ConsoleGuard()
        let octets = Array(token.utf8)
        consoleGuard.tokenDigest = try Digest.sha256(octets.span)
        return consoleGuard
    }

    private func head(_ values: [String]) -> RequestHead {
        RequestHead(
            method: .get, target: 0..<0, minorVersion: 1,
            fields: Fields(values.map { ("Authorization", $0) }))
    }

    private func status(
        _ values: [String], _ consoleGuard: inout ConsoleGuard,
        from address: SocketAddress = here, at seconds: Int64 = 0
    ) -> Int {
        do throws(Refusal) {
            try consoleGuard.check(
                head(values), from: address,
                now: Instant(nanoseconds: seconds * 1_000_000_000))
            return 200
        } catch {
            return error.status
        }
    }

    @Test(
        arguments: [
            (["Bearer a=+/b"], 200), (["bearer a=+/b"], 200), (["BEARER   a=+/b"], 200),
            ([], 401), (["Bearer"], 401), (["Bearer "], 401), (["Bearer a=+/"], 401),
            (["Bearer a=+/bb"], 401), (["Bearer A=+/b"], 401), (["Basic a=+/b"], 401),
            (["a=+/b"], 401), (["Bearera=+/b"], 401), (["Bearer a=+/b x"], 401),
            (["Bearer a=+/b", "Bearer a=+/b"], 401), (["Bearer x", "Bearer a=+/b"], 401),
            (["Bearer\ta=+/b"], 401), (["Bearer a=+/b,"], 401),
        ])
    func `only the token opens`(values: [String], expected: Int) throws {
        var consoleGuard = try consoleGuard()
        #expect(status(values, &consoleGuard) == expected)
    }

    @Test func `without a console no token opens`() {
        var consoleGuard = ConsoleGuard()
        #expect(status(["Bearer "], &consoleGuard) == 401)
        #expect(status(["Bearer x"], &consoleGuard) == 401)
    }

    @Test func `who fails too often waits, and nobody who brings the token does`() throws {
        var consoleGuard = try consoleGuard()
        for _ in 0..<ConsoleGuard.attempts.burst {
            #expect(status(["Bearer no"], &consoleGuard) == 401)
        }
        for _ in 0..<20 {
            #expect(status(["Bearer no"], &consoleGuard) == 429)
            #expect(status(["Bearer a=+/b"], &consoleGuard) == 200)
        }
        #expect(status(["Bearer a=+/b"], &consoleGuard, from: Self.there) == 200)
        #expect(status(["Bearer a=+/b"], &consoleGuard, at: 1) == 200)
    }

    @Test func `a Unix domain socket has no address to count by`() throws {
        var consoleGuard = try consoleGuard()
        for _ in 0..<100 {
            #expect(status([], &consoleGuard, from: .unix(path: "")) == 401)
        }
    }

    @Test func `the limit is a matter of refusals only`() throws {
        var consoleGuard = try consoleGuard()
        for _ in 0..<1000 {
            #expect(status(["Bearer a=+/b"], &consoleGuard) == 200)
        }
    }
}
