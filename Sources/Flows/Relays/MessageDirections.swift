import SocketIO
package import WebSocket

/// Both directions of a relay that reads whole messages: because compression is spoken with the
/// client or the upstream, or because the client speaks to the gateway.
package final class MessageDirections {
    /// What is spoken with whom (RFC 7692), as far as it decides what becomes of a message.
    package struct Terms: Sendable {
        package var client: DeflateAgreement?
        package var upstream: DeflateAgreement?
        /// Our messages to the client refer to those before them.
        package var keepsWindow: Bool
        /// Shorter messages are not worth being deflated.
        package var over: Int

        package init(
            client: DeflateAgreement?, upstream: DeflateAgreement?, keepsWindow: Bool, over: Int
        ) {
            self.client = client
            self.upstream = upstream
            self.keepsWindow = keepsWindow
            self.over = over
        }

        /// A compressed message of the upstream's can go to the client as it is: it needs no
        /// window but its own, and that is no larger than the client was promised.
        fileprivate var passesCompressed: Bool {
            guard let client, let upstream, !keepsWindow else { return false }
            return upstream.serverWindowBits <= client.serverWindowBits
        }
    }

    /// How a message goes on.
    package enum Form: Sendable {
        case plain
        /// Deflated with at most this window, where that makes it shorter. Of the upstream's the
        /// flow is told what came of it (`deflated`).
        case deflated(windowBits: Int)
        /// Compressed, as it came.
        case asItCame
    }

    /// Messages of the upstream's that grow beyond this are passed on in pieces, not compressed:
    /// they would keep the worker from everybody else, and fill its memory.
    static let spillSize = 1024 * 1024
    /// Compressed ones cannot be passed on in pieces: so much is gathered of one, and inflated.
    static let largestFromUpstream = 64 * 1024 * 1024

    var fromClient: MessageAssembler
    var fromUpstream: MessageAssembler
    /// Received from the client, and to be read when the upstream takes more.
    var held: [UInt8] = []
    /// A session of Engine.IO that was opened for the app; nil for any other WebSocket.
    var engine: EngineSession?
    private let terms: Terms
    private var effort = CompressionEffort()

    /// - Parameter limits: of the client's messages on the wire; `plainSize` of those that are not
    ///   compressed.
    init(_ terms: Terms, limits: FrameLimits, plainSize: Int, engine: EngineSession?) {
        self.terms = terms
        self.engine = engine
        fromClient = MessageAssembler(
            from: .client, limits: limits, allowsCompression: terms.client != nil,
            plainSize: plainSize)
        fromUpstream = MessageAssembler(
            from: .server, limits: .none, allowsCompression: terms.upstream != nil,
            findsInPlace: true, spillSize: Self.spillSize,
            compressedSize: Self.largestFromUpstream)
    }

    /// The app has still to open its session: what the client says is not for it yet, and what it
    /// says itself is not for the client.
    var awaitsSession: Bool { engine?.awaitsApp ?? false }

    /// Octets of messages that are not whole yet, or not read.
    var heldCount: Int { fromClient.gatheredCount + fromUpstream.gatheredCount + held.count }

    /// The most that a compressed message of the upstream's may inflate to.
    var upstreamInflateLimit: Int {
        awaitsSession ? OpenPacket.octetLimit : Self.largestFromUpstream
    }

    func takeHeld() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// How a message of the client's goes to the upstream.
    func formForUpstream(_ count: Int) -> Form {
        guard let agreement = terms.upstream, count >= terms.over else { return .plain }
        return .deflated(windowBits: agreement.clientWindowBits)
    }

    /// How a message of the upstream's goes to the client; nil for one that has to be inflated
    /// before that is known.
    func formForClient(_ count: Int, isCompressed: Bool) -> Form? {
        if isCompressed { return terms.passesCompressed && !awaitsSession ? .asItCame : nil }
        guard let agreement = terms.client, count >= terms.over, effort.shouldTry() else {
            return .plain
        }
        return .deflated(windowBits: agreement.serverWindowBits)
    }

    func deflated(shrank: Bool) { effort.noted(shrank: shrank) }
}

extension FrameLimits {
    /// For the upstream, which is ours.
    static let none = FrameLimits(
        messageSize: .max, frameSize: .max, fragmentCount: .max)
}
