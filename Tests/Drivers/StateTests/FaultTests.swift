import Clock
import Foundation
import Locks
import Peers
import Records
import SQLite
import State
import Testing
import Transport

/// What happens when the disk, the file or the queue has no room, and when the store is closed.
@Suite struct FaultTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fault<Value>(_ result: Result<Value, StateError>) -> StateError.Fault? {
        guard case .failure(.storage(let fault, let reason)) = result else { return nil }
        #expect(!reason.isEmpty)
        return fault
    }

    @Test func `a full disk is told to who asks, and once to the log`() throws {
        var options = StateStore.Options(place: .folder(folder.path("state")))
        options.fileSize = 256 * 1024
        let desk = try Desk(options)
        let note = String(repeating: "x", count: 1900)
        var kept = 0
        var answer = try desk.set(change("0", note: note))
        while fault(answer) == nil {
            _ = try answer.get()
            kept += 1
            answer = try desk.set(change("\(kept)", note: note))
        }
        #expect(fault(answer) == .full)
        #expect(kept > 50)
        #expect(fault(try desk.set(change("more", note: note))) == .full)
        #expect(desk.store.statistics.isFailing)
        #expect(try desk.policies().count == kept)
        #expect(desk.notices.filter(\.isWarning).count == 1)
        desk.store.record(entry("waits"))
        // There is room again as soon as something goes.
        try desk.wait { desk in
            let key = change("\(kept - 1)").key
            if (try? desk.get { $0.removePolicy(key, now: Desk.now, $1) }) != nil { kept -= 1 }
            return !desk.store.statistics.isFailing
        }
        try desk.wait { try $0.page().entries.map(\.session) == ["waits"] }
        #expect(desk.notices.last?.text.hasSuffix("can be written again") == true)
        #expect(try desk.policies().count == kept)
    }

    @Test func `somebody who keeps the file for himself is waited for`() throws {
        let path = folder.path("state")
        let desk = try Desk(folder: path)
        _ = try desk.set(change("before")).get()
        let other = try Database(.file(path + "/gateway.db"))
        try other.execute("BEGIN IMMEDIATE")
        desk.store.record(entry("waits"))
        #expect(fault(try desk.set(change("during"))) == .busy)
        // Reading goes on.
        #expect(try desk.policies().map(\.key.store) == ["before"])
        try other.execute("COMMIT")
        _ = try desk.set(change("after")).get()
        #expect(try desk.policies().map(\.key.store) == ["after", "before"])
        try desk.wait { $0.store.statistics.recorded == 1 }
        #expect(desk.store.statistics.lost == 0)
    }

    @Test func `too many requests are refused at once, too many sessions are lost`() throws {
        let desk = try Desk(.init(place: .memory))
        let gate = try Mailbox<Void>(capacity: 1)
        let entered = try Mailbox<Void>(capacity: 1)
        // Holds the thread of the store.
        desk.store.policies(now: Desk.now) { _ in
            entered.post(())
            while gate.take().isEmpty { Thread.sleep(forTimeInterval: 0.001) }
        }
        _ = try desk.take(1, from: entered)
        let answers = try Mailbox<Result<StorePolicy, StateError>>(capacity: 10_000)
        for number in 0..<4100 {
            desk.store.setPolicy(change("\(number)"), now: Desk.now) { answers.post($0) }
        }
        #expect(answers.take().map { $0 } == Array(repeating: .failure(.overloaded), count: 4))
        for number in 0..<16_400 { desk.store.record(entry("s\(number)")) }
        #expect(desk.store.statistics.lost == 16)
        gate.post(())
        let answered = try desk.take(4096, from: answers)
        #expect(answered.allSatisfy { (try? $0.get()) != nil })
        #expect(try desk.policies().count == 4096)
        try desk.wait { $0.store.statistics.recorded == 16_384 }
        try desk.wait { $0.notices.count == 3 }
        #expect(desk.notices[1].isWarning)
        #expect(desk.notices[2].text == "state: 16 past sessions are missing from the history")
    }

    @Test func `many writers share a transaction`() throws {
        let desk = try Desk(folder: folder.path("state"))
        let answers = try Mailbox<Result<StorePolicy, StateError>>(capacity: 10_000)
        let store = desk.store
        for writer in 0..<4 {
            try System.startThread(name: "writer") {
                for number in 0..<500 {
                    store.setPolicy(change("\(writer)-\(number)"), now: Desk.now) {
                        answers.post($0)
                    }
                }
            }
        }
        let answered = try desk.take(2000, from: answers)
        #expect(Set(try answered.map { try $0.get().version }).count == 2000)
        let statistics = desk.store.statistics
        #expect(statistics.acknowledged == 2000)
        #expect(statistics.commits < 1000)
        #expect(try desk.policies().count == 2000)
    }

    @Test func `one bad request does not spoil it for the others`() throws {
        let desk = try Desk(folder: folder.path("state"))
        // Only a file that was tampered with refuses what was looked at.
        let other = try Database(.file(folder.path("state/gateway.db")))
        try other.execute(
            """
            CREATE TRIGGER t BEFORE INSERT ON policy WHEN NEW.store = 'bad'
            BEGIN SELECT raise(ABORT, 'no'); END
            """)
        let answers = try Mailbox<(String, Bool)>(capacity: 10_000)
        for number in 0..<300 {
            let store = number % 100 == 50 ? "bad" : "\(number)"
            desk.store.setPolicy(change(store), now: Desk.now) { result in
                answers.post((store, (try? result.get()) != nil))
            }
        }
        for answer in try desk.take(300, from: answers) {
            #expect(answer.1 == (answer.0 != "bad"))
        }
        #expect(try desk.policies().count == 297)
        #expect(!desk.store.statistics.isFailing)
        #expect(desk.store.statistics.failures == 3)
    }

    @Test func `a closed store has done what it was asked, and does no more`() throws {
        let path = folder.path("state")
        let desk = try Desk(folder: path)
        let answers = try Mailbox<Result<StorePolicy, StateError>>(capacity: 10_000)
        for number in 0..<3000 {
            desk.store.setPolicy(change("\(number)"), now: Desk.now) { answers.post($0) }
        }
        desk.store.close()
        desk.store.close()
        #expect(answers.take().count { (try? $0.get()) != nil } == 3000)
        #expect(try desk.set(change()) == .failure(.stopped))
        desk.store.record(entry("late"))
        #expect(desk.store.statistics.lost == 1)
        #expect(try Desk(folder: path).policies().count == 3000)
    }

    @Test func `every request is answered, whenever the store is closed`() throws {
        for _ in 0..<20 {
            let desk = try Desk(.init(place: .memory))
            let answers = try Mailbox<Result<StorePolicy, StateError>>(capacity: 10_000)
            let store = desk.store
            for writer in 0..<3 {
                try System.startThread(name: "writer") {
                    for number in 0..<200 {
                        store.setPolicy(change("\(writer)-\(number)"), now: Desk.now) {
                            answers.post($0)
                        }
                    }
                }
            }
            desk.store.close()
            let answered = try desk.take(600, from: answers)
            let refused = answered.filter { (try? $0.get()) == nil }
            #expect(refused.allSatisfy { $0 == .failure(.stopped) })
        }
    }
}

extension StateNotice {
    var isWarning: Bool { if case .warning = self { true } else { false } }
}
