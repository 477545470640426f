internal import Bytes
internal import Clock
internal import Deflate
internal import Endings
internal import Settings
internal import SocketIO
internal import Transport
internal import WebSocket

/// A WebSocket on which the gateway has opened a session of Engine.IO: the app opens one, too,
/// which takes the place of the first. What the client says waits until then, as it would for the
/// app.
extension WebSocketRelay {
    /// The app was asked for its WebSocket and has given it; its session comes within that time.
    func awaitSession(for patience: Duration, in worker: Worker) {
        client.set(.phase, at: worker.now + patience, in: worker)
    }

    /// What the client says is not for the app yet.
    var awaitsSession: Bool { context.opened?.engine?.awaitsApp ?? false }

    func sessionTimedOut(in worker: Worker) {
        guard awaitsSession else { return }
        end(
            End(reason: .upstreamUnavailable, detail: PacketError.open.rawValue, cannotWait: true),
            in: worker)
    }

    /// The first message of the app's, which the client does not hear.
    func appOpened(
        _ kind: MessageKind, _ message: Span<UInt8>, isCompressed: Bool, in worker: Worker
    ) {
        guard isCompressed else { return appOpened(kind, message, in: worker) }
        var inflated: [UInt8] = []
        do throws(InflateError) {
            try worker.codecs.inflate(
                message, with: nil, limit: OpenPacket.octetLimit, ratio: nil, into: &inflated)
        } catch {
            return appIsStrange(in: worker)
        }
        appOpened(kind, inflated.span, in: worker)
    }

    private func appOpened(_ kind: MessageKind, _ message: Span<UInt8>, in worker: Worker) {
        guard let opened = context.opened, let told = opened.engine?.opening.times else { return }
        do throws(PacketError) {
            guard
                let handover = try opened.engine?.appSaid(
                    message, isText: kind == .text, now: worker.now)
            else { return }
            client.timers.clear(.phase)
            client.timers.clear(.heartbeat)
            sendFirstMessage(in: worker)
            if handover.needsPing { client.ping(opened, at: worker.now) }
            if let warning = handover.warning(about: route.name, told: told) {
                worker.shared.log.warnOnce(warning)
            }
        } catch {
            return appIsStrange(in: worker)
        }
        // What has come meanwhile, and what comes now.
        worker.resumeLater(client, isLight: true)
    }

    /// It does not speak Engine.IO.
    func appIsStrange(in worker: Worker) {
        end(
            End(
                reason: .internalError, detail: "upstream_" + PacketError.open.rawValue,
                cannotWait: true),
            in: worker)
    }
}

extension OpenPacket {
    init(_ settings: RouteSettings.SocketIO, session: String) {
        self.init(
            session: session,
            times: EngineTimes(
                pingInterval: settings.pingInterval, pingTimeout: settings.pingTimeout))
    }
}

extension EngineSession.Handover {
    /// Clients will take connections for dead that are not; nil when they will not.
    ///
    /// - Parameter told: what they were told.
    fileprivate func warning(about route: String, told: EngineTimes) -> String? {
        if !isTooSlow { return nil }
        let app = times.pingInterval.wholeMilliseconds
        let (interval, timeout) = (
            told.pingInterval.wholeMilliseconds, told.pingTimeout.wholeMilliseconds
        )
        return
            "the app of \(route) pings every \(app) ms, but clients were told to expect a ping"
            + " every \(interval) ms and to give up \(timeout) ms later: say the app's pingInterval"
            + " and pingTimeout in 'socketio { ping_interval …; ping_timeout … }'"
    }
}
