package import Endings
internal import EventStream

/// The last event of a stream (WHATWG HTML §9.2.5).
extension StreamEnding {
    /// A day: an EventSource that is told this does not come back by itself.
    private static let retryNever = 86_400_000

    /// What an EventSource is told to wait; nil for as long as it always does.
    private var retryMilliseconds: Int? {
        switch comingBack {
        case .unsaid: nil
        case .after(let milliseconds): milliseconds
        case .never: Self.retryNever
        }
    }

    /// When to come back, and `message` if there is one, under the name `event`.
    package func append(event: String = "force_disconnect", to output: inout [UInt8]) {
        EventEncoder.append(
            event: message == nil ? nil : event, retryMilliseconds: retryMilliseconds,
            data: message.map { String(decoding: $0, as: UTF8.self) }, to: &output)
    }
}
