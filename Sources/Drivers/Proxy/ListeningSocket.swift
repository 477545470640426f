internal import Generations
internal import Transport

/// A listener as its worker holds it.
final class ListeningSocket {
    let key: ListenerKey
    let socket: Listener
    var token: UInt64 = 0
    var isPaused = false

    init(_ handle: ListenerHandle) {
        key = handle.key
        socket = Listener(handle.transfer)
    }
}
