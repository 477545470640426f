import Glibc
import Peers
import Testing
import Transport

/// What happens when no descriptor is left: in a process of its own, which may have few of them, so
/// that no other test notices.
@Suite struct ExhaustionTests {
    /// Few enough that all of them can be taken, whatever the machine allows.
    private static func lowerLimit() throws(SystemError) {
        var limit = rlimit(rlim_cur: 512, rlim_max: 512)
        // The structure is a local one; 7 is RLIMIT_NOFILE.
        let outcome = unsafe setrlimit(__rlimit_resource_t(7), &limit)
        guard outcome == 0 else { throw SystemError("setrlimit") }
    }

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

    @Test func `without descriptors everything is refused, and goes on when there is one`() async {
        await #expect(processExitsWith: .success) {
            try Self.lowerLimit()
            let outcome = try Self.exhaust(.ip4(octets: [127, 0, 0, 1], port: 0))
            #expect(outcome.whenFull == "exhausted")
            #expect(
                outcome.errors
                    == ["socket", "socket", "socket", "epoll_create1", "eventfd", "open"])
            #expect(outcome.whenThereWasRoom == "accepted")
        }
    }
}
