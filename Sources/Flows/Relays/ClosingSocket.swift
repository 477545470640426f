package import WebSocket

/// A WebSocket whose close frame was sent: refused in words, because a browser cannot see the
/// status of a refused handshake, or ended by rule. It holds no lease and no upstream, waits for
/// the client's close frame, and is cut after `timeout`.
package final class ClosingSocket {
    /// What read the client's octets so far, so that reading goes on in the middle of a frame.
    package enum Reader {
        case frames(FrameRelay)
        case messages(MessageAssembler)
    }

    package static let timeout: Duration = .seconds(5)

    private var reader: Reader

    package init(reader: Reader = .frames(FrameRelay(from: .client))) { self.reader = reader }

    /// Octets of a message that was not whole when the close frame was sent.
    package var heldCount: Int {
        switch reader {
        case .frames: 0
        case .messages(let messages): messages.gatheredCount
        }
    }

    /// Reads what the client sends meanwhile and forgets it.
    /// - Returns: true when its close frame came, or nothing that could become one.
    package func clientSent(_ octets: Span<UInt8>) -> Bool {
        var index = 0
        do throws(WebSocketError) {
            switch reader {
            case .frames(var frames):
                while try frames.decode(octets, at: &index) != nil {}
                reader = .frames(frames)
                return frames.isClosed
            case .messages(var messages):
                var discarded: [UInt8] = []
                while try messages.decode(octets, at: &index, into: &discarded) != nil {}
                reader = .messages(messages)
                return messages.isClosed
            }
        } catch {
            return true
        }
    }
}
