internal import Deflate
internal import Settings
internal import WebSocket

/// What the two handshakes of a WebSocket settled about permessage-deflate (RFC 7692).
struct SocketCompression {
    /// With the client, where it is spoken here.
    var client: DeflateAgreement?
    /// With the upstream, where it is spoken here.
    var upstream: DeflateAgreement?
    /// Kept for the connection with the client; nil when every message stands for itself.
    var windows: KeptWindows?
    /// The two ends speak it with each other: frames may be compressed and are not touched.
    var isRelayed = false
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
