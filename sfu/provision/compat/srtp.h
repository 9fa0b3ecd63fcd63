// libsrtp 3's interface, as far as mediasoup uses it, on top of the libsrtp 2 that Debian ships.
// libsrtp 3 separates input from output buffers and hides the policy behind an opaque object; libsrtp 2
// works in place and has a plain struct. Everything lives in one header so that no extra unit is linked.
#ifndef TRUNKLINE_COMPAT_SRTP_H
#define TRUNKLINE_COMPAT_SRTP_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

// The struct gets another name, so that libsrtp 3's opaque pointer can be called srtp_policy_t below.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

// Error codes that libsrtp 2 does not know and therefore never returns by itself.
static constexpr srtp_err_status_t srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(28);
static constexpr srtp_err_status_t srtp_err_status_cryptex_err  = static_cast<srtp_err_status_t>(29);

namespace trunkline_srtp
{
	struct Policy
	{
		srtp2_policy_t policy{};
		srtp_profile_t profile{};
		unsigned char key[SRTP_MAX_KEY_LEN]{};

		// The key must not stay behind in freed memory.
		~Policy()
		{
			volatile unsigned char* bytes = this->key;

			for (size_t i = 0; i < sizeof(this->key); ++i)
			{
				bytes[i] = 0;
			}
		}
	};

	// Brings the packet into the output buffer, for the functions of libsrtp 2 that work in place.
	inline srtp_err_status_t Stage(const uint8_t* in, size_t inLen, uint8_t* out, size_t capacity, size_t extra)
	{
		if (inLen > static_cast<size_t>(std::numeric_limits<int>::max()) || inLen + extra > capacity)
		{
			return srtp_err_status_buffer_small;
		}

		if (in != out)
		{
			std::memmove(out, in, inLen);
		}

		return srtp_err_status_ok;
	}

	template<typename Function>
	inline srtp_err_status_t InPlace(
	  Function function, srtp_t ctx, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t extra)
	{
		srtp_err_status_t err = Stage(in, inLen, out, *outLen, extra);

		if (err != srtp_err_status_ok)
		{
			return err;
		}

		int len = static_cast<int>(inLen);

		err = function(ctx, out, std::addressof(len));

		if (err == srtp_err_status_ok)
		{
			*outLen = static_cast<size_t>(len);
		}

		return err;
	}
} // namespace trunkline_srtp

using srtp_policy_t = trunkline_srtp::Policy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy)
{
	*policy = new (std::nothrow) trunkline_srtp::Policy();

	return *policy ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

inline void srtp_policy_destroy(srtp_policy_t policy)
{
	delete policy;
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc)
{
	policy->policy.ssrc = ssrc;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile)
{
	policy->profile = profile;

	const srtp_err_status_t err =
	  srtp_crypto_policy_set_from_profile_for_rtp(std::addressof(policy->policy.rtp), profile);

	if (err != srtp_err_status_ok)
	{
		return err;
	}

	return srtp_crypto_policy_set_from_profile_for_rtcp(std::addressof(policy->policy.rtcp), profile);
}

// One key is all that DTLS-SRTP ever adds; libsrtp 2 wants key and salt as one string.
inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t policy,
  const uint8_t* key,
  size_t keyLen,
  const uint8_t* salt,
  size_t saltLen,
  const uint8_t* mki,
  size_t mkiLen)
{
	if (policy->policy.key || mki || mkiLen != 0 || keyLen + saltLen > sizeof(policy->key))
	{
		return srtp_err_status_bad_param;
	}

	std::memcpy(policy->key, key, keyLen);
	std::memcpy(policy->key + keyLen, salt, saltLen);
	policy->policy.key = policy->key;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allow)
{
	policy->policy.allow_repeat_tx = allow ? 1 : 0;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, size_t size)
{
	policy->policy.window_size = static_cast<unsigned long>(size);

	return srtp_err_status_ok;
}

// libsrtp 2 copies what it needs of the policy, so it may be destroyed right after.
inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy)
{
	return srtp_create(session, std::addressof(policy->policy));
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

inline srtp_err_status_t srtp_protect(
  srtp_t ctx, const uint8_t* rtp, size_t rtpLen, uint8_t* srtp, size_t* srtpLen, size_t /*mkiIndex*/)
{
	return trunkline_srtp::InPlace(
	  [](srtp_t c, void* p, int* l) { return ::srtp_protect(c, p, l); },
	  ctx,
	  rtp,
	  rtpLen,
	  srtp,
	  srtpLen,
	  SRTP_MAX_TRAILER_LEN);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t ctx, const uint8_t* rtcp, size_t rtcpLen, uint8_t* srtcp, size_t* srtcpLen, size_t /*mkiIndex*/)
{
	// SRTCP adds the 4 bytes of its index to the trailer.
	return trunkline_srtp::InPlace(
	  [](srtp_t c, void* p, int* l) { return ::srtp_protect_rtcp(c, p, l); },
	  ctx,
	  rtcp,
	  rtcpLen,
	  srtcp,
	  srtcpLen,
	  SRTP_MAX_TRAILER_LEN + 4);
}

inline srtp_err_status_t srtp_unprotect(
  srtp_t ctx, const uint8_t* srtp, size_t srtpLen, uint8_t* rtp, size_t* rtpLen)
{
	return trunkline_srtp::InPlace(
	  [](srtp_t c, void* p, int* l) { return ::srtp_unprotect(c, p, l); }, ctx, srtp, srtpLen, rtp, rtpLen, 0);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t ctx, const uint8_t* srtcp, size_t srtcpLen, uint8_t* rtcp, size_t* rtcpLen)
{
	return trunkline_srtp::InPlace(
	  [](srtp_t c, void* p, int* l) { return ::srtp_unprotect_rtcp(c, p, l); },
	  ctx,
	  srtcp,
	  srtcpLen,
	  rtcp,
	  rtcpLen,
	  0);
}

#endif
