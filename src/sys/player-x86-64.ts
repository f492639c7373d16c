/**
 * The syscall player for x86-64: the listing is the source, the bytes are what the assembler makes of it (a test
 * compares them). What it does is described in player-elf.ts.
 */

/** GNU assembler syntax for x86-64. */
export const listingX8664 = `
        .globl  _start
_start:
begin:  mov     $0x10000000, %esi       # the program is read to here:
        push    $8                      # first its length,
        pop     %rbp
        call    fill
        mov     -8(%rsi), %ebp          # then as many bytes
        call    fill
        mov     $0x10000008, %ebx       # rbx: the present operation
step:   push    $6                      # its arguments, last to first
        pop     %rcx
load:   mov     (%rbx,%rcx,8), %rax
        bt      %ecx, 56(%rbx)          # an address to take the argument from?
        jnc     keep
        mov     (%rax), %rax
keep:   push    %rax
        loop    load
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %r10
        pop     %r8
        pop     %r9
        mov     (%rbx), %rax
        syscall
        mov     60(%rbx), %ecx          # is the result wanted somewhere?
        jrcxz   check
        mov     %rax, (%rcx)
check:  mov     56(%rbx), %ebp          # ebp: control word
        cmp     $-4095, %rax
        jae     failed
        test    %rax, %rax
        jz      zero
        test    $0x80, %bpl             # fork, and we are the parent?
        jnz     parent
next:   bt      $9, %ebp                # does another program follow?
        jc      begin
over:   add     $64, %rbx
        jmp     step
zero:   bt      $8, %ebp                # may the result be 0?
        jnc     next
        jmp     die
failed: neg     %eax
        test    $1, %bpl                # may it fail?
        jz      die
        mov     %ebp, %ecx              # with this error only?
        shr     $16, %ecx
        and     $0xfff, %ecx
        jz      skip
        cmp     %eax, %ecx
        jne     die
skip:   shr     $28, %ebp               # then so many operations are left out
        shl     $6, %ebp
        add     %rbp, %rbx
        jmp     over
die:    push    %rax                    # report (operation, errno)
        sub     $0x10000008, %rbx
        shr     $6, %rbx
        push    %rbx
        call    report
        push    $125
        pop     %rdi
quit:   mov     $231, %eax              # exit_group
        syscall
parent: mov     %eax, %r12d             # reap until the child itself ends
wait:   push    %rax
        mov     %rsp, %rsi
        or      $-1, %rdi
        xor     %edx, %edx
        xor     %r10d, %r10d
        push    $61                     # wait4
        pop     %rax
        syscall
        pop     %rbx
        cmp     %eax, %r12d
        jne     wait
        push    %rbx                    # report (-1, wait status)
        push    $-1
        call    report
        movzbl  %bh, %edi               # pass the status on: exit code or 128 + signal
        and     $0x7f, %ebx
        jz      quit
        lea     128(%rbx), %edi
        jmp     quit
report: push    $4                      # write the two words above the return address
        pop     %rdi
        lea     8(%rsp), %rsi
        push    $16
        pop     %rdx
        push    $1                      # write
        pop     %rax
        syscall
        ret
fill:   push    $3                      # read rbp bytes to rsi
        pop     %rdi
        mov     %ebp, %edx
        xor     %eax, %eax              # read
        syscall
        test    %eax, %eax
        jle     short
        add     %rax, %rsi
        sub     %eax, %ebp
        jnz     fill
        ret
short:  push    $125
        pop     %rdi
        jmp     quit
`;

/** Machine code of the listing, in hexadecimal. */
export const codeX8664 = [
  'be000000106a085de8e40000008b6ef8e8dc000000bb080000106a0659488b04cb0fa34b387303488b0050e2f05f5e5a',
  '415a41584159488b030f058b4b3ce3034889018b6b38483d01f0ffff731f4885c0741240f6c58075540fbae50972a148',
  '83c340ebb50fbae50873eeeb24f7d840f6c501741c89e9c1e91081e1ff0f0000740439c1750bc1ed1cc1e5064801ebeb',
  'ce504881eb0800001048c1eb0653e83d0000006a7d5fb8e70000000f054189c4504889e64883cfff31d24531d26a3d58',
  '0f055b4139c475e8536affe8100000000fb6ff83e37f74ce8dbb80000000ebc66a045f488d7424086a105a6a01580f05',
  'c36a035f89ea31c00f0585c07e084801c629c575ecc36a7d5feb9b',
].join('');
