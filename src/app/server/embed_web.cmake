# cmake -DROOT=web -DFILES="a b" -DOUT=web_sources.cpp -DGZIP=gzip -P embed_web.cmake: writes the files as byte arrays, each
# plain and compressed.
set(arrays "")
set(rows "")
set(number 0)
separate_arguments(FILES NATIVE_COMMAND "${FILES}")
# Gives the array ARRAY the bytes of PATH, and the variable VIEW what the row says of it.
function(embed array path view)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    # The last zero keeps the array of an empty file legal.
    string(APPEND arrays "constexpr unsigned char ${array}[] = {${bytes}0};\n")
    set(arrays "${arrays}" PARENT_SCOPE)
    set(${view} "view(${array}, sizeof ${array} - 1)" PARENT_SCOPE)
endfunction()

foreach(file IN LISTS FILES)
    embed(file_${number} ${ROOT}/${file} plain)
    # Without name and time: the same page makes the same binary.
    execute_process(COMMAND ${GZIP} -9nc ${ROOT}/${file} OUTPUT_FILE ${OUT}.gz COMMAND_ERROR_IS_FATAL ANY)
    file(SIZE ${ROOT}/${file} plain_size)
    file(SIZE ${OUT}.gz packed_size)
    set(packed "{}")
    if(packed_size LESS plain_size)
        embed(packed_${number} ${OUT}.gz packed)
    endif()
    string(APPEND rows "        {\"/${file}\", ${plain}, ${packed}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(REMOVE ${OUT}.gz)
file(WRITE ${OUT} "#include \"app/server/web_sources.hpp\"

namespace stepcast::app {
namespace {

${arrays}
[[maybe_unused]] std::string_view view(const unsigned char* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::vector<WebSource> web_sources() {
    return {
${rows}    };
}

}  // namespace stepcast::app
")
