import Peers
import TLS
import Transport

/// A session fed by hand, without anybody on the other end.
final class BareSession {
    let session: TLSSession
    let engine: TLSEngine
    private(set) var plaintext: [UInt8] = []
    /// What it wrote for the other side.
    private(set) var output: [UInt8] = []
    /// How reading ended, once it has; without the octets before it.
    private(set) var ending: TLSSession.ReadResult?
    private var memory = [UInt8](repeating: 0, count: TLSEngine.plaintextCapacity)

    init(_ context: TLSContext, _ engine: TLSEngine) throws {
        session = try TLSSession(context: context, engine: engine)
        self.engine = engine
    }

    /// Any octets through the session, as if they had been received; no more than fit at once.
    func feed(_ octets: some Collection<UInt8>) {
        // The engine's memory, into which no more goes than it has room for.
        let count = unsafe engine.receive { memory in
            unsafe memory.copyBytes(from: octets)
            return octets.count
        }
        precondition(count == octets.count)
        // As long as the session asks for.
        let result = unsafe memory.withUnsafeMutableBytes { unsafe session.read(into: $0) }
        collectOutput()
        switch result {
        case .octets(let count): plaintext += memory[..<count]
        case .end(let count):
            plaintext += memory[..<count]
            ending = .end(0)
        case .failed: ending = result
        }
    }

    func write(_ text: String) -> TLSFailure? {
        // The session copies what it is shown.
        let failure = unsafe Array(text.utf8).withUnsafeBytes { unsafe session.write($0) }
        collectOutput()
        return failure
    }

    func close() {
        session.close()
        collectOutput()
    }

    func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    private func collectOutput() {
        // Copied before the call returns.
        unsafe engine.takeOutput { unsafe output += Array($0) }
    }
}

/// A session whose other end is s_client: what that sends is received as plain octets and given to
/// the session in portions of the test's choice.
final class SessionDriver {
    let bare: BareSession
    let client: ChildProcess
    /// The size of the next portion.
    var portion: () -> Int = { .max }

    private let wire: StreamDriver
    /// Octets the session has been given.
    private(set) var used = 0

    /// - Parameter command: a shell's, in which `$CLIENT` is s_client with its address.
    init(_ context: TLSContext, engine: TLSEngine, command: String) throws {
        let listener = try Listener.loopback()
        let client = "exec openssl s_client -connect 127.0.0.1:\(listener.address.port ?? 0)"
        self.client = try ChildProcess(["sh", "-c", command.replacing("$CLIENT", with: client)])
        wire = try StreamDriver(Stream(listener.next()))
        bare = try BareSession(context, engine)
    }

    var plaintext: [UInt8] { bare.plaintext }
    var ending: TLSSession.ReadResult? { bare.ending }

    /// Compares without showing the difference, which takes hours for megabytes.
    func hasArrived(_ octets: [UInt8]) -> Bool { plaintext == octets }

    /// - Throws: `StreamDriver.TookTooLong` when the condition is not met in time.
    func run(until isDone: () -> Bool) throws {
        try wire.run { _ in
            while ending == nil, used < wire.received.count, !isDone() { feed() }
            return isDone()
        }
    }

    /// One portion through the session.
    private func feed() {
        let count = min(portion(), TLSEngine.inputCapacity, wire.received.count - used)
        bare.feed(wire.received[used..<used + count])
        used += count
        wire.send(bare.takeOutput())
    }
}
