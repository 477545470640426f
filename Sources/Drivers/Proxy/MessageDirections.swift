internal import Deflate
internal import Settings
internal import WebSocket

/// Both directions of a relay that reads whole messages, and the compression of its two
/// connections.
final class MessageDirections {
    /// Messages of the upstream's that grow beyond this are passed on in pieces, not compressed:
    /// they would keep the worker from everybody else, and fill its memory.
    static let spillSize = 1024 * 1024
    /// Compressed ones cannot be passed on in pieces: so much is gathered of one, and inflated.
    static let largestFromUpstream = 64 * 1024 * 1024

    var fromClient: MessageAssembler
    var fromUpstream: MessageAssembler
    let client: DeflateAgreement?
    let upstream: DeflateAgreement?
    private let route: Generation.Route
    /// The windows of the connection with the client; nil when none are kept.
    let windows: KeptWindows?
    var effort = CompressionEffort()
    /// Received from the client, and to be read when the upstream takes more.
    var heldFromClient: [UInt8] = []

    init(_ route: Generation.Route, _ compression: WebSocketRelay.Compression) {
        client = compression.client
        upstream = compression.upstream
        self.route = route
        windows = compression.windows
        fromClient = MessageAssembler(
            from: .client, limits: route.settings.compressedClientLimits,
            allowsCompression: client != nil, plainSize: route.settings.messageSize)
        fromUpstream = MessageAssembler(
            from: .server,
            limits: .none, allowsCompression: upstream != nil, findsInPlace: true,
            spillSize: Self.spillSize, compressedSize: Self.largestFromUpstream)
    }

    /// Octets of messages that are not whole yet, or not read.
    var heldCount: Int {
        fromClient.gatheredCount + fromUpstream.gatheredCount + heldFromClient.count
    }

    var settings: RouteSettings.Compression {
        route.settings.compression ?? RouteSettings.Compression()
    }

    func parameters(windowBits: Int) -> WorkerCodecs.Parameters {
        WorkerCodecs.Parameters(
            level: settings.level, windowBits: windowBits, memoryLevel: settings.memoryLevel)
    }

    /// A compressed message of the upstream's can go to the client as it is: it needs no window
    /// but its own, and that is no larger than the client was promised.
    var passesCompressed: Bool {
        guard let client, let upstream, windows?.deflater == nil else { return false }
        return upstream.serverWindowBits <= client.serverWindowBits
    }
}

/// zlib's state of one connection, for context takeover (RFC 7692 §7.1.1).
final class KeptWindows {
    /// Nil when our messages stand for themselves all the same.
    let deflater: Deflater?
    /// Nil when the client's do.
    let inflater: Inflater?
    private let reservation: DeflateBudget.Reservation

    /// Nil when the budget has no room for what the agreement asks for.
    init?(
        _ agreement: DeflateAgreement, _ settings: RouteSettings.Compression,
        budget: DeflateBudget
    ) {
        let size = Self.size(agreement, settings)
        guard let reservation = budget.reserve(size, within: settings.budget) else { return nil }
        self.reservation = reservation
        deflater =
            agreement.serverKeepsContext
            ? Deflater(
                level: settings.level, windowBits: agreement.serverWindowBits,
                memoryLevel: settings.memoryLevel, keepsContext: true) : nil
        inflater =
            agreement.clientKeepsContext
            ? Inflater(windowBits: Self.inflaterBits(agreement), keepsContext: true) : nil
    }

    /// zlib's deflate takes 9 bits when it is told 8 (its manual, deflateInit2).
    private static func inflaterBits(_ agreement: DeflateAgreement) -> Int {
        max(9, agreement.clientWindowBits)
    }

    private static func size(
        _ agreement: DeflateAgreement, _ settings: RouteSettings.Compression
    ) -> Int {
        var size = 0
        if agreement.serverKeepsContext {
            size += Deflater.memorySize(
                windowBits: agreement.serverWindowBits, memoryLevel: settings.memoryLevel)
        }
        if agreement.clientKeepsContext {
            size += Inflater.memorySize(windowBits: inflaterBits(agreement))
        }
        return size
    }
}
