import Bytes
import Clock
import JSON

/// How often a server of Engine.IO pings, and how long it waits for the answer. A client that hears
/// no ping for both together takes the connection for dead (engine.io-protocol, "Heartbeat").
package struct EngineTimes: Sendable, Equatable {
    package let pingInterval: Duration
    package let pingTimeout: Duration

    package init(pingInterval: Duration, pingTimeout: Duration) {
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
    }

    /// How long a client waits for a ping.
    package var patience: Duration { pingInterval + pingTimeout }
}

/// The packet with which a server opens a session:
/// `0{"sid":"…","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`.
package struct OpenPacket: Sendable, Equatable {
    /// Octets of such a packet at most.
    package static let octetLimit = 64 * 1024
    private static let longestMilliseconds = 1e12

    package let session: String
    package let times: EngineTimes

    package init(session: String, times: EngineTimes) {
        self.session = session
        self.times = times
    }

    /// Throws `open` for anything else than the open packet of a server.
    package init(_ message: Span<UInt8>, isText: Bool) throws(PacketError) {
        var limits = JSONLimits()
        limits.octets = Self.octetLimit
        guard let packet = try? EnginePacket(message, isText: isText), packet.kind == .open,
            let value = try? JSONValue.decode(message.extracting(packet.payload), limits: limits),
            let object = value.object, let session = object["sid"]?.string, !session.isEmpty,
            let interval = Self.duration(object["pingInterval"]),
            let timeout = Self.duration(object["pingTimeout"])
        else { throw .open }
        self.init(
            session: session, times: EngineTimes(pingInterval: interval, pingTimeout: timeout))
    }

    private static func duration(_ value: JSONValue?) -> Duration? {
        guard let milliseconds = value?.number?.double, milliseconds >= 0,
            milliseconds <= longestMilliseconds
        else { return nil }
        return .milliseconds(Int64(milliseconds))
    }

    /// The text message that says it.
    ///
    /// - Parameter maxPayload: octets of a client's message at most.
    package func message(maxPayload: Int) -> [UInt8] {
        var message = EnginePacket.bare(.open)
        message.append("{\"sid\":")
        message.appendJSON(session)
        message.append(",\"upgrades\":[]")
        message.appendMember("pingInterval", Int(clamping: times.pingInterval.wholeMilliseconds))
        message.appendMember("pingTimeout", Int(clamping: times.pingTimeout.wholeMilliseconds))
        message.appendMember("maxPayload", maxPayload)
        message.endJSONObject()
        return message
    }
}
