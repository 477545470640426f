import Glibc
import Peers
import Synchronization
import Testing
import Transport

/// What happens when no descriptor is left: in a thread that has a table of its own, so that no
/// other test notices.
@Suite struct ExhaustionTests {
    private static let limit: UInt64 = {
        var limit = rlimit()
        // A local structure.
        return unsafe getrlimit(__rlimit_resource_t(7), &limit) == 0 ? UInt64(limit.rlim_cur) : .max
    }()

    private struct Outcome: Sendable {
        var whenFull = ""
        var errors: [String] = []
        var whenThereWasRoom = ""
    }

    private static func word(_ result: Listener.AcceptResult) -> String {
        switch result {
        case .accepted: "accepted"
        case .none: "none"
        case .exhausted: "exhausted"
        }
    }

    private static func operation(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "worked"
        } catch {
            let error = error as? SystemError
            return error?.code == EMFILE ? error?.operation ?? "" : "\(String(describing: error))"
        }
    }

    /// From here on the calling thread's descriptors are its own (unshare(2)).
    private static func takeOwnTable() -> Bool {
        typealias Unshare = @convention(c) (Int32) -> Int32
        // Glibc has it, but its header shows it to GNU sources only.
        guard let symbol = unsafe dlsym(nil, "unshare") else { return false }
        let cloneFiles: Int32 = 0x400
        // The function has that signature.
        return unsafe unsafeBitCast(symbol, to: Unshare.self)(cloneFiles) == 0
    }

    /// Runs with every number taken.
    private static func exhaust(_ address: SocketAddress) throws -> Outcome {
        let listener = try Listener(address)
        let client = try Stream.connect(to: listener.address)
        let poller = try Poller()
        try poller.add(listener.descriptor.number, token: 1, interest: .readable)
        _ = poller.wait(milliseconds: 5_000)
        var fillers: [Descriptor] = []
        while case let number = dup(listener.descriptor.number), number >= 0 {
            fillers.append(Descriptor(number: number))
        }
        var outcome = Outcome()
        outcome.whenFull = word(listener.accept())
        outcome.errors = [
            operation { _ = try Listener(address) },
            operation { _ = try listener.another() },
            operation { _ = try Stream.connect(to: listener.address) },
            operation { _ = try Poller() },
            operation { _ = try Mailbox<Int>(capacity: 1) },
            operation { _ = try System.openForAppending("/dev/null") },
        ]
        fillers.removeLast()
        outcome.whenThereWasRoom = word(listener.accept())
        client.stream.close()
        return outcome
    }

    @Test(.enabled(if: limit < 1 << 20, "the table is too large to fill"))
    func `without descriptors everything is refused, and goes on when there is one`() throws {
        let box = try Mailbox<Outcome>(capacity: 1)
        try System.startThread(name: "exhausting") {
            guard Self.takeOwnTable() else { return }
            let address = SocketAddress.ip4(octets: [127, 0, 0, 1], port: 0)
            if let outcome = try? Self.exhaust(address) { box.post(outcome) }
        }
        let poller = try Poller()
        try poller.add(box.descriptorNumber, token: 1, interest: .readable)
        try #require(poller.wait(milliseconds: 20_000) == 1)
        let outcome = try #require(box.take().first)
        #expect(outcome.whenFull == "exhausted")
        #expect(
            outcome.errors
                == ["socket", "socket", "socket", "epoll_create1", "eventfd", "open"])
        #expect(outcome.whenThereWasRoom == "accepted")
    }
}
