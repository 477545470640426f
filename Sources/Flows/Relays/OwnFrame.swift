import Endings
package import WebSocket

/// A frame that the gateway says itself, or passes on as its own.
package enum OwnFrame: Sendable, Equatable {
    case control(ControlFrame)
    /// A close frame with this code and as much of the word as fits.
    case close(code: UInt16, word: String)
    /// A whole text message.
    case text([UInt8])

    /// The close frame of an end by rule.
    static func close(_ ending: StreamEnding) -> OwnFrame {
        var word = ending.word
        // Where no message may say it, the frame is all that can.
        if case .after(let milliseconds) = ending.comingBack { word += " retry=\(milliseconds)" }
        return .close(code: ending.reason.closeCode, word: word)
    }

    /// The close frame for an upstream whose client is gone, or not listened to any more.
    static func goodbye(_ reason: EndReason) -> OwnFrame {
        .close(code: reason == .normal ? 1000 : 1001, word: reason.rawValue)
    }

    /// - Parameter maskingKey: a fresh one towards an upstream; nil towards a client.
    package func append(maskingKey: MaskingKey?, to output: inout [UInt8]) {
        switch self {
        case .control(let frame):
            FrameEncoder.appendControl(frame, maskingKey: maskingKey, to: &output)
        case .close(let code, let word):
            FrameEncoder.appendClose(
                code: code, reason: word, maskingKey: maskingKey, to: &output)
        case .text(let message):
            FrameEncoder.appendMessage(
                .text, message.span, maskingKey: maskingKey, to: &output)
        }
    }
}

/// Frames of ours that wait for the end of a message on its way: a ping and a pong, of several the
/// last (RFC 6455 §5.5.3), and text messages.
struct WaitingFrames: Sendable {
    /// Text messages that are kept, the last: the end of the message may never come.
    static let messageLimit = 16

    var ping: [UInt8]?
    private(set) var pong: [UInt8]?
    private var messages: [[UInt8]] = []

    var isEmpty: Bool { ping == nil && pong == nil && messages.isEmpty }

    /// The pong to a ping, in place of one that waits still: only the last ping need be answered
    /// (RFC 6455 §5.5.3).
    mutating func answer(_ ping: ControlFrame) { pong = ping.payload }

    mutating func wait(_ message: [UInt8]) {
        if messages.count == Self.messageLimit { messages.removeFirst() }
        messages.append(message)
    }

    /// All frames, in the order in which they are sent; nothing waits any more.
    mutating func takeAll() -> [OwnFrame] {
        var frames: [OwnFrame] = []
        if let ping { frames.append(.control(ControlFrame(.ping, payload: ping))) }
        if let pong { frames.append(.control(ControlFrame(.pong, payload: pong))) }
        frames += messages.map(OwnFrame.text)
        self = WaitingFrames()
        return frames
    }
}
