internal import Clients
internal import Clock
internal import Loop
internal import SocketIO
internal import WebSocket

/// The heartbeat of a session of Engine.IO that was opened here, until the app's own takes its
/// place (engine.io-protocol, "Heartbeat"): while the client says who it is, while keys, a seat or
/// a server are waited for; a `WebSocketFlow` goes on with it while the app opens.
extension ClientLink {
    /// The client's session of Engine.IO, while it is kept alive from here.
    private var openedSocket: OpenedSocket? {
        switch use {
        case .held(let request): request.context.opened
        case .exchange(let exchange): exchange.context.opened
        case .nothing, .webSocket: nil
        }
    }

    /// Of a session that is kept alive from here the next ping is due then; of all others nothing.
    func scheduleHeartbeat() {
        guard let next = openedSocket?.engine?.nextPing else { return }
        request.set(.heartbeat, at: next)
    }

    func heartbeatDue() {
        if let opened = openedSocket { ping(opened, at: loop.now) }
        scheduleHeartbeat()
    }

    func ping(_ opened: OpenedSocket, at now: Instant) {
        guard let packet = opened.engine?.ping(at: now) else { return }
        var output: [UInt8] = []
        FrameEncoder.appendMessage(.text, packet.span, to: &output)
        request.sendFrames(output.span)
    }
}
