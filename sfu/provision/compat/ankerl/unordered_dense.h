// The names mediasoup uses of ankerl::unordered_dense, which Debian does not package, on the standard
// library's containers: same interface, node-based storage instead of a flat one. The difference did not
// show in the CPU cost of forwarded packets.
#ifndef TRUNKLINE_COMPAT_UNORDERED_DENSE_H
#define TRUNKLINE_COMPAT_UNORDERED_DENSE_H

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace ankerl::unordered_dense
{
	template<typename T>
	struct hash
	{
		uint64_t operator()(const T& value) const noexcept
		{
			return std::hash<T>{}(value);
		}
	};

	template<typename Key, typename Value, typename Hash = std::hash<Key>, typename Equal = std::equal_to<Key>>
	using map = std::unordered_map<Key, Value, Hash, Equal>;

	template<typename Key, typename Hash = std::hash<Key>, typename Equal = std::equal_to<Key>>
	using set = std::unordered_set<Key, Hash, Equal>;
} // namespace ankerl::unordered_dense

#endif
