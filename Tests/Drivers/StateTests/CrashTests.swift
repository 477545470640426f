import Clock
import Foundation
import Identity
import Peers
import Records
import SQLite
import State
import Testing
import Transport

/// A process that is killed while it writes has kept what it said it had kept.
@Suite struct CrashTests {
    /// How often: `FUZZ_ITERATIONS`, up to 100 times, or a few times.
    private static let rounds = min(
        100, ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 5)

    @Test func `kill -9 takes back nothing that was acknowledged`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("state")
        var acknowledged = Acknowledged()
        for round in 0..<Self.rounds {
            let delay = Int.random(in: 0...60)
            let result = await #expect(
                processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
            ) { [path = path as String, round = round as Int, delay = delay as Int] in
                try Writer(path, round: round).run(dyingAfter: delay)
            }
            let output = try #require(result).standardOutputContent
            let count = acknowledged.read(String(decoding: output, as: UTF8.self))
            #expect(count > 0, "nothing was written in round \(round)")
            try acknowledged.check(path)
            try Self.checkIntegrity(path + "/gateway.db")
        }
    }

    @Test func `kill -9 while everything is made for the first time`() async throws {
        for _ in 0..<Self.rounds {
            let folder = try TemporaryFolder()
            let path = folder.path("state")
            let delay = Int.random(in: 0...6000)
            let result = await #expect(
                processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
            ) { [path = path as String, delay = delay as Int] in
                try System.startThread(name: "killer") {
                    // The moment of the kill is what differs from round to round.
                    usleep(UInt32(delay))
                    kill(getpid(), SIGKILL)
                }
                try Writer(path, round: 0).run()
            }
            let output = try #require(result).standardOutputContent
            var acknowledged = Acknowledged()
            _ = acknowledged.read(String(decoding: output, as: UTF8.self))
            try acknowledged.check(path)
            try Self.checkIntegrity(path + "/gateway.db")
        }
    }

    private static func checkIntegrity(_ file: String) throws {
        let words = try Database(.file(file)).rows("PRAGMA integrity_check") {
            row throws(DatabaseError) in try row.text(0)
        }
        #expect(words == ["ok"])
    }
}

/// Writes as fast as it can and says on standard output what it was told is kept.
private struct Writer {
    let store: StateStore
    let round: Int

    init(_ path: String, round: Int) throws {
        store = try StateStore(.init(place: .folder(path))) { _ in }
        self.round = round
    }

    /// - Parameter delay: milliseconds from the first acknowledgement on.
    func run(dyingAfter delay: Int) throws {
        let first = try Mailbox<Void>(capacity: 1)
        try System.startThread(name: "killer") {
            while first.take().isEmpty { usleep(200) }
            // The moment of the kill is what differs from round to round.
            usleep(UInt32(delay) * 1000)
            kill(getpid(), SIGKILL)
        }
        try run { first.post(()) }
    }

    /// - Parameter heard: called after every acknowledgement.
    func run(_ heard: @escaping @Sendable () -> Void = {}) throws {
        let free = DispatchSemaphore(value: 64)
        for number in 1... {
            free.wait()
            submit(number) { kind, isKept in
                if isKept {
                    System.write("\(kind) \(round) \(number)\n".utf8.span, to: 1)
                    heard()
                }
                free.signal()
            }
        }
    }

    private func submit(_ number: Int, _ done: @escaping @Sendable (String, Bool) -> Void) {
        store.record(entry("\(round)-\(number)"))
        switch number % 4 {
        case 0:
            let revocation = Revocation(.token(id: "\(round)-\(number)"))
            store.addRevocation(revocation, now: Desk.now) { done("revocation", $0.isKept) }
        case 1:
            let alias = DeviceAlias(
                key: .init(block: "boards", store: nil, clientID: "\(round)-\(number)"),
                name: "n", changed: Desk.now, changedBy: "kim")
            store.setAlias(alias) { done("alias", $0.isKept) }
        case 2:
            store.setPolicy(change("\(round)-\(number)"), now: Desk.now) {
                done("policy", $0.isKept)
            }
        default:
            // Always the same one: later numbers take the place of earlier ones.
            store.setPolicy(change("one", devices: number + 1), now: Desk.now) {
                done("one", $0.isKept)
            }
        }
    }
}

extension Result {
    fileprivate var isKept: Bool { if case .success = self { true } else { false } }
}

/// What the writers said.
private struct Acknowledged {
    var policies: Set<String> = []
    var aliases: Set<String> = []
    var revocations: Set<String> = []
    /// The last one of the round that came last.
    var one = 0

    /// - Returns: how many there were.
    mutating func read(_ output: String) -> Int {
        var count = 0
        one = 0
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let number = Int(words[2]) else { continue }
            let name = "\(words[1])-\(number)"
            count += 1
            switch words[0] {
            case "policy": policies.insert(name)
            case "alias": aliases.insert(name)
            case "revocation": revocations.insert(name)
            case "one": one = max(one, number)
            default: Issue.record("what is '\(line)'?")
            }
        }
        return count
    }

    func check(_ path: String) throws {
        let desk = try Desk(folder: path)
        let kept = try desk.policies()
        #expect(policies.subtracting(kept.map(\.key.store)) == [])
        if one > 0 {
            let last = kept.first { $0.key.store == "one" }
            #expect(try #require(last?.change.devices) > one)
        }
        let named = try desk.get { $0.aliases(block: nil, $1) }
        #expect(aliases.subtracting(named.map(\.key.clientID)) == [])
        let revoked = try desk.get { $0.revocations(now: Desk.now, $1) }
        let tokens = revoked.compactMap { revocation in
            if case .token(let id) = revocation.target { id } else { nil }
        }
        #expect(revocations.subtracting(tokens) == [])
        #expect(desk.notices.allSatisfy { !$0.isWarning })
        desk.store.close()
    }
}
