/// Whether a socket's messages are worth deflating: media and ciphertext do not shrink, and trying
/// costs as much as succeeding. One a socket, four octets.
///
/// After four messages in a row that did not shrink, 32 are not tried, then one is; each failure
/// doubles the pause, up to 1024. One success ends all that.
struct CompressionEffort: Sendable, Equatable {
    private var failures: UInt8 = 0
    /// Messages that are still to go by untried.
    private var pause: UInt16 = 0

    /// In a row, before the first pause.
    private static let patience: UInt8 = 4
    private static let firstPause: UInt16 = 32
    private static let longestPause: UInt16 = 1024

    /// Asked once for each message that is big enough; when true, `noted(shrank:)` must follow.
    mutating func shouldTry() -> Bool {
        if pause == 0 { return true }
        pause -= 1
        return false
    }

    /// What came of the message that was tried.
    mutating func noted(shrank: Bool) {
        if shrank { return self = CompressionEffort() }
        failures += 1
        guard failures >= Self.patience else { return }
        pause = Self.firstPause << (failures - Self.patience)
        // The longest pause is repeated for as long as nothing shrinks.
        if pause == Self.longestPause { failures -= 1 }
    }
}
